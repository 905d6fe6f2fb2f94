import { asObjects, isObject, stringMap } from '../object/manifest-object';

type Labels = Readonly<Record<string, string>>;

/** One requirement of matchExpressions, of a label selector or a node selector term. */
export function matchesRequirement(requirement: Readonly<Record<string, unknown>>, labels: Labels): boolean {
  const value = labels[String(requirement['key'])];
  const values = Array.isArray(requirement['values']) ? requirement['values'].map(String) : [];
  switch (requirement['operator']) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return integer(value) > integer(values[0]);
    case 'Lt':
      return integer(value) < integer(values[0]);
    default:
      return false;
  }
}

/** A label's value as a whole number; what is none compares with nothing. */
function integer(value: string | undefined): number {
  return value !== undefined && /^[+-]?\d+$/.test(value) ? Number(value) : Number.NaN;
}

/** Whether a LabelSelector is there and asks for nothing: it selects everything, but for a topology spread. */
export function isEmptySelector(selector: unknown): boolean {
  return (
    isObject(selector) &&
    Object.keys(stringMap(selector['matchLabels'])).length === 0 &&
    asObjects(selector['matchExpressions']).length === 0
  );
}

/** Whether a LabelSelector selects these labels. An absent selector selects nothing, an empty one everything. */
export function matchesLabels(selector: unknown, labels: Labels): boolean {
  if (!isObject(selector)) return false;
  return (
    Object.entries(stringMap(selector['matchLabels'])).every(([key, value]) => labels[key] === value) &&
    asObjects(selector['matchExpressions']).every(requirement => matchesRequirement(requirement, labels))
  );
}
