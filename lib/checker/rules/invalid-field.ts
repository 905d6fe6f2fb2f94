import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { allowed, listed, type Message, measured, pathText, quote, say } from '../finding/message';
import { advice } from '../finding/spelling';
import type { ManifestObject } from '../object/manifest-object';
import { objectId } from '../object/object-id';
import { type Mistake, meant, mistakesIn } from '../schema/mistakes';
import { isCustom, schemaOf, type ValueType } from '../schema/schema';
import { invalidQuantity } from './invalid-quantity';
import { versionConflict } from './version-conflict';

/** kubectl refuses a field that does not exist, and the API server a value of another type. */
export const invalidField: Rule = {
  id: 'invalid-field',
  level: 'error',
  refuses: 'a field that its kind does not have, and a value of another type than the field takes',
  remedy: 'write the field and the value as the API of the kind has them',
  check: model => {
    const all = model.objects.flatMap(object => {
      const schema = schemaOf(object);
      if (schema === undefined) return [];
      return mistakesIn(object.body, schema)
        .filter(mistake => isCertain(mistake, object, model))
        .map(mistake => found(mistake, object));
    });
    return all.length === 0 ? [] : withoutSaid(all, model);
  },
};

/** Rules that say more of a figure that is none, and of a field that another API version has. */
const SAY_MORE = [invalidQuantity, versionConflict];

function withoutSaid(all: readonly Found[], model: Model): Found[] {
  const said = new Set(SAY_MORE.flatMap(rule => rule.check(model).map(placeKey)));
  return all.filter(item => !said.has(placeKey(item)));
}

function placeKey({ place }: Found): string {
  return 'object' in place ? JSON.stringify([objectId(place.object), place.path]) : '';
}

/** Another release of an operator may have the field, unless it is a known one that is misspelt. */
function isCertain(mistake: Mistake, object: ManifestObject, { areOperatorsPinned }: Model): boolean {
  if (areOperatorsPinned || !isCustom(object)) return true;
  if (mistake.is === 'unknown field') return mistake.near !== undefined;
  const { type, value } = mistake;
  if (typeof type === 'string' || !('oneOf' in type)) return true;
  return typeof value !== 'string' || meant(value, type.oneOf) !== undefined;
}

function found(mistake: Mistake, object: ManifestObject): Found {
  const { path } = mistake;
  const place = { object, path };
  if (mistake.is === 'wrong type') {
    const { value, type } = mistake;
    return {
      place,
      message: say`${pathText(path)} is ${measured(shown(value))} but it must be ${allowed(words(type))}`,
      remedy: remedyFor(value, type),
    };
  }
  return {
    place,
    message: say`${measured(pathText(path))} is no field of ${object.apiVersion} ${object.kind}`,
    remedy: remedyForUnknown(mistake),
  };
}

/** Of more fields than this a list helps nobody. */
const MOST_LISTED = 12;

function remedyForUnknown({
  near,
  belongsTo,
  fields,
  path,
}: Extract<Mistake, { is: 'unknown field' }>): Message {
  if (near !== undefined) return say`did you mean ${allowed(near)}?`;
  if (belongsTo !== undefined)
    return say`move it to ${belongsTo.length === 0 ? 'the top of the object' : pathText(belongsTo)}`;
  return fields.length > MOST_LISTED
    ? say`remove it: ${path.length > 1 ? pathText(path.slice(0, -1)) : 'the object'} has no field of a like name`
    : say`remove it, or use one of ${listed(fields, 'or')}`;
}

function remedyFor(value: unknown, type: ValueType): Message {
  if (typeof type === 'object' && 'oneOf' in type && typeof value === 'string')
    return say`${advice(value, type.oneOf)}`;
  const text = typeof value === 'string' ? value.trim() : '';
  const isNumber = text !== '' && Number.isFinite(Number(text));
  switch (type) {
    case 'text':
    case 'whole number or text':
      return ['number', 'boolean'].includes(typeof value)
        ? say`put it in quotes, ${JSON.stringify(String(value))}`
        : say`write a text in its place`;
    case 'whole number':
    case 'number':
      return isNumber && (type === 'number' || Number.isInteger(Number(text)))
        ? say`write it without quotes, ${text}`
        : say`write ${words(type)}, e.g. 3`;
    case 'boolean':
      return text === 'true' || text === 'false'
        ? say`write it without quotes, ${text}`
        : say`write true or false`;
    case 'quantity':
      return say`write e.g. 500m, 2, 512Mi or 20Gi`;
    default:
      return typeof type === 'object' && 'list' in type
        ? say`put it into a list, even where it is the only item`
        : say`write a mapping of names to values in its place`;
  }
}

function words(type: ValueType): string {
  switch (type) {
    case 'text':
    case 'whole number':
    case 'number':
    case 'quantity':
      return `a ${type}`;
    case 'whole number or text':
      return 'a whole number or a text';
    case 'boolean':
      return 'true or false';
    case 'object':
      return 'a mapping';
    case 'any':
      return 'anything';
    default:
      if ('oneOf' in type) return listed(type.oneOf, 'or');
      return 'list' in type ? 'a list' : 'a mapping';
  }
}

/** A text stands in quotes, anything else as it is. */
function shown(value: unknown): string {
  return typeof value === 'string' ? quote(value) : quote(value).slice(1, -1);
}
