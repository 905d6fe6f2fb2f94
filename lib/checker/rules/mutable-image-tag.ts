import { type ImageReference, imagesOf, parseImage } from '../facts/images';
import type { Rule } from '../facts/rule';
import { measured, quote, say } from '../finding/message';

/** Repositories that stand in many manifests and whose registry stopped serving them. */
const GONE: readonly {
  readonly matches: (image: ImageReference) => boolean;
  readonly why: string;
  readonly instead: string;
}[] = [
  {
    // The MinIO project is archived; its images on Docker Hub were deleted, those on quay.io stay.
    matches: ({ registry, repository }) => registry === 'docker.io' && repository === 'minio/minio',
    why: 'Docker Hub no longer serves the images of MinIO',
    instead:
      'use the last published release, quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z, or a mirror of your own',
  },
  {
    matches: ({ registry, repository }) => registry === 'docker.io' && repository === 'minio/mc',
    why: 'Docker Hub no longer serves the images of MinIO',
    instead: 'use the same release of quay.io/minio/mc, or a mirror of your own',
  },
  {
    // Bitnami moved its versioned images to docker.io/bitnamilegacy in September 2025.
    matches: ({ registry, repository }) => registry === 'docker.io' && repository.startsWith('bitnami/'),
    why: "Docker Hub no longer serves Bitnami's versioned images",
    instead: "use the software's own image, or a mirror of your own",
  },
];

/** A tag that moves: the pod that comes up after a restart is not the one that was tested. */
export const mutableImageTag: Rule = {
  id: 'mutable-image-tag',
  level: 'error',
  needs: ['pods'],
  refuses: 'an image without a tag or with latest, or one that its registry no longer serves',
  remedy: 'name a release tag or a digest, e.g. apache/spark:3.5.7-java17-python3',
  check: model =>
    imagesOf(model).flatMap(({ object, path, of, image }) => {
      const shown = say`image ${measured(image, quote)}${of === '' ? '' : ` of ${of}`}`;
      const reference = parseImage(image);
      const gone = GONE.find(({ matches }) => matches(reference));
      if (gone !== undefined) {
        return [
          {
            place: { object, path },
            message: say`${shown} cannot be pulled: ${gone.why}`,
            remedy: say`${gone.instead}`,
          },
        ];
      }
      if (reference.digest !== undefined || (reference.tag !== undefined && reference.tag !== 'latest'))
        return [];
      return [
        {
          place: { object, path },
          message: say`${shown} ${reference.tag === undefined ? 'has no tag, which means latest' : 'has the tag latest'}, so each node may run another version`,
        },
      ];
    }),
};
