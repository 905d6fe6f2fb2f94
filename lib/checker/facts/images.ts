import type { Path } from '../finding/message';
import { isTenant } from '../manifest/operated';
import { declaredContainers, sparkSpec } from '../manifest/pod-templates';
import {
  asObjects,
  at,
  isObject,
  listItems,
  type ManifestObject,
  type PlainObject,
} from '../object/manifest-object';
import type { Model } from './model';
import { isStrimzi } from './strimzi';

export interface ImageUse {
  readonly object: ManifestObject;
  readonly path: Path;
  /** What it is the image of, e.g. 'container web'; empty where the object says it all. */
  readonly of: string;
  readonly image: string;
}

/** The parts of an image reference, with Docker's defaults filled in. */
export interface ImageReference {
  readonly registry: string;
  /** e.g. library/postgres */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** Reads [registry/]repository[:tag][@digest] as the container runtimes do. */
export function parseImage(image: string): ImageReference {
  const [name = '', digest] = image.split('@', 2);
  const slash = name.lastIndexOf('/');
  const colon = name.indexOf(':', slash + 1);
  const path = colon < 0 ? name : name.slice(0, colon);
  const [first = '', ...rest] = path.split('/');
  const hasRegistry =
    rest.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost');
  const repository = hasRegistry ? rest.join('/') : path;
  const registry = hasRegistry && first !== 'index.docker.io' ? first : 'docker.io';
  return {
    registry,
    repository: registry === 'docker.io' && !repository.includes('/') ? `library/${repository}` : repository,
    ...(colon < 0 ? {} : { tag: name.slice(colon + 1) }),
    ...(digest === undefined ? {} : { digest }),
  };
}

const STRIMZI_IMAGES: readonly (readonly string[])[] = [
  ['spec', 'kafka', 'image'],
  ['spec', 'zookeeper', 'image'],
  ['spec', 'entityOperator', 'topicOperator', 'image'],
  ['spec', 'entityOperator', 'userOperator', 'image'],
  ['spec', 'kafkaExporter', 'image'],
  ['spec', 'cruiseControl', 'image'],
  ['spec', 'image'],
];

const TENANT_IMAGES: readonly (readonly string[])[] = [
  ['spec', 'image'],
  ['spec', 'kes', 'image'],
];

const SPARK_IMAGES: readonly (readonly string[])[] = [['image'], ['driver', 'image'], ['executor', 'image']];

/** Every image that the manifests name, of custom resources too. */
export function imagesOf(model: Model): ImageUse[] {
  return [
    ...model.templates.flatMap(template =>
      declaredContainers(template).flatMap(({ container, role, path }) =>
        use(template.object, [...path, 'image'], named(role, container), container['image']),
      ),
    ),
    ...model.templates.flatMap(({ object, path, spec }) =>
      listItems(spec['volumes']).flatMap(([volume, index]) =>
        use(
          object,
          [...path, 'volumes', index, 'image', 'reference'],
          `volume ${String(at(volume, 'name'))}`,
          at(volume, 'image', 'reference'),
        ),
      ),
    ),
    ...model.objects.flatMap(object => {
      if (isStrimzi(object)) {
        return STRIMZI_IMAGES.flatMap(path =>
          use(object, path, path.slice(1, -1).join('.'), at(object.body, ...path)),
        );
      }
      if (isTenant(object)) {
        return TENANT_IMAGES.flatMap(path =>
          use(object, path, path.slice(1, -1).join('.'), at(object.body, ...path)),
        );
      }
      const application = sparkSpec(object);
      if (application === undefined) return [];
      return [
        ...SPARK_IMAGES.flatMap(path =>
          use(
            object,
            [...application.path, ...path],
            path.slice(0, -1).join('.'),
            at(application.spec, ...path),
          ),
        ),
        ...['driver', 'executor'].flatMap(part =>
          ['initContainers', 'sidecars'].flatMap(key =>
            asObjects(at(application.spec, part, key)).flatMap((container, index) =>
              isObject(container)
                ? use(
                    object,
                    [...application.path, part, key, index, 'image'],
                    named(`${part} ${key === 'sidecars' ? 'sidecar' : 'init container'}`, container),
                    container['image'],
                  )
                : [],
            ),
          ),
        ),
      ];
    }),
  ];
}

function named(role: string, container: PlainObject): string {
  return `${role} ${String(container['name'])}`;
}

function use(object: ManifestObject, path: Path, of: string, image: unknown): ImageUse[] {
  return typeof image === 'string' && image.trim() !== '' ? [{ object, path, of, image: image.trim() }] : [];
}
