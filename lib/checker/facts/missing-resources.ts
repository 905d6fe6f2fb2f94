import { at, type PlainObject } from '../object/manifest-object';

/** The four figures that a scheduler and a kernel need; a request that is left out equals its limit. */
export function missingResources(resources: PlainObject, defaults: PlainObject = {}): string[] {
  const figure = (part: 'requests' | 'limits', name: 'cpu' | 'memory') => {
    const value = at(resources, part, name) ?? at(defaults, part, name);
    return value !== undefined && value !== null && value !== '';
  };
  return (['cpu', 'memory'] as const).flatMap(name => {
    const limit = figure('limits', name);
    return [
      ...(limit || figure('requests', name) ? [] : [`${name} request`]),
      ...(limit ? [] : [`${name} limit`]),
    ];
  });
}
