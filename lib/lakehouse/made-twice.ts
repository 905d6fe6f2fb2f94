import { isDeepStrictEqual } from 'node:util';
import { ApiObject, type App } from 'cdk8s';
import { objectId } from '../checker/object/object-id';

/** Equal objects of one name from two places: no rule sees a fault in copies, but one of the two is not what was meant. */
export function madeTwice(app: App): string[] {
  const byId = new Map<string, ApiObject[]>();
  for (const object of app.node.findAll().filter(ApiObject.isApiObject) as ApiObject[]) {
    const { kind, name, apiGroup, metadata } = object;
    const id = `${apiGroup} ${objectId({ kind, name, ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }) })}`;
    byId.set(id, [...(byId.get(id) ?? []), object]);
  }
  const copies = new Map<string, { readonly first: string; readonly ids: readonly string[] }>();
  for (const [id, [first, ...others]] of byId) {
    for (const other of others) {
      if (first === undefined || !isDeepStrictEqual(first.toJson(), other.toJson())) continue;
      const [one, two] = apart(first.node.path, other.node.path);
      copies.set(two, {
        first: one,
        ids: [...(copies.get(two)?.ids ?? []), id.slice(id.indexOf(' ') + 1)],
      });
    }
  }
  return [...copies].map(([path, { first, ids }]) => {
    const what = ids.length === 1 ? ids[0] : `${ids.length} objects, ${ids[0]} among them`;
    return `[${path}] makes ${what}, which ${first} makes too; delete one of the two, or give what it makes another name or namespace`;
  });
}

/** Two paths as far as the first name in which they differ. */
function apart(one: string, two: string): readonly [string, string] {
  const names = two.split('/');
  const differs = one.split('/').findIndex((name, index) => name !== names[index]);
  const end = differs < 0 ? names.length : differs + 1;
  return [one.split('/').slice(0, end).join('/'), names.slice(0, end).join('/')];
}
