import type { Rule } from '../facts/rule';
import { allowed, measured, say } from '../finding/message';
import { asObject, type ManifestObject } from '../object/manifest-object';

/** The API server refuses more (core/v1, MaxSecretSize): keys and values of data and binaryData together. */
const MAX_CONFIG_MAP_BYTES = 1024 * 1024;

/** A ConfigMap that grew with its code until the API server refused it. */
export const oversizedConfigMap: Rule = {
  id: 'oversized-config-map',
  level: 'error',
  refuses: 'a ConfigMap of more than 1 MiB',
  remedy: 'split it, or put the files into the image',
  check: model =>
    model
      .ofKind('ConfigMap')
      .filter(({ apiVersion }) => apiVersion === 'v1')
      .flatMap(object => {
        const bytes = configMapBytes(object);
        if (bytes <= MAX_CONFIG_MAP_BYTES) return [];
        return [
          {
            place: { object, path: ['data'] },
            message: say`config map holds ${measured(bytes)} bytes but Kubernetes allows ${allowed(MAX_CONFIG_MAP_BYTES)}`,
          },
        ];
      }),
};

function configMapBytes({ body }: ManifestObject): number {
  const text = Object.entries(asObject(body['data'])).flat();
  const binary = Object.entries(asObject(body['binaryData']));
  return (
    text.reduce<number>((sum, part) => sum + Buffer.byteLength(String(part)), 0) +
    binary.reduce(
      (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.from(String(value), 'base64').length,
      0,
    )
  );
}
