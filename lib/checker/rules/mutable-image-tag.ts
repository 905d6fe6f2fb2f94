import { imagesOf, parseImage } from '../facts/images';
import type { Rule } from '../facts/rule';
import { measured, quote, say } from '../finding/message';
import { hasPlaceholder } from '../object/placeholder';

/** A tag that moves: the pod that comes up after a restart is not the one that was tested. */
export const mutableImageTag: Rule = {
  id: 'mutable-image-tag',
  level: 'error',
  needs: ['pods'],
  refuses: 'an image without a tag or with latest',
  remedy: 'name a release tag or a digest, e.g. apache/spark:3.5.7-java17-python3',
  check: model =>
    imagesOf(model).flatMap(({ object, path, of, image }) => {
      const shown = say`image ${measured(image, quote)}${of === '' ? '' : ` of ${of}`}`;
      // What is filled in may have its tag.
      if (hasPlaceholder(image)) return [];
      const reference = parseImage(image);
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
