import { asObject, type ManifestObject, objectId } from '../manifest/model';

/** The API server refuses more (core/v1, MaxSecretSize): keys and values of data and binaryData together. */
export const MAX_CONFIG_MAP_BYTES = 1024 * 1024;

/** ConfigMaps that the API server would refuse for their size. */
export function configMapSizeProblems(objects: readonly ManifestObject[]): string[] {
  return objects
    .filter(({ kind, apiVersion }) => kind === 'ConfigMap' && apiVersion === 'v1')
    .flatMap(object => {
      const bytes = configMapBytes(object);
      return bytes <= MAX_CONFIG_MAP_BYTES
        ? []
        : [
            `[${objectId(object)}] config map holds ${bytes} bytes but Kubernetes allows ${MAX_CONFIG_MAP_BYTES}; split it, or put the files into the image`,
          ];
    });
}

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
