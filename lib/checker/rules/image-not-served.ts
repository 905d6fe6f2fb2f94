import { type ImageReference, imagesOf, parseImage } from '../facts/images';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
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
    matches: ({ registry, repository, tag, digest }) =>
      registry === 'docker.io' &&
      repository.startsWith('bitnami/') &&
      tag !== undefined &&
      tag !== 'latest' &&
      digest === undefined,
    why: "Docker Hub no longer serves Bitnami's versioned images",
    instead: "use the software's own image, or a mirror of your own",
  },
];

/** Where an image is gone, a pod starts on the nodes that still have it, and on no new one. */
export const imageNotServed: Rule = {
  id: 'image-not-served',
  level: 'error',
  needs: ['pods'],
  refuses: 'an image that its registry no longer serves',
  remedy: 'name an image that is still served, or a mirror of your own',
  check: model =>
    imagesOf(model).flatMap(({ object, path, of, image }): Found[] => {
      const reference = parseImage(image);
      const gone = GONE.find(({ matches }) => matches(reference));
      if (gone === undefined) return [];
      return [
        {
          place: { object, path },
          message: say`image ${measured(image, quote)}${of === '' ? '' : ` of ${of}`} cannot be pulled: ${gone.why}`,
          remedy: say`${gone.instead}`,
        },
      ];
    }),
};
