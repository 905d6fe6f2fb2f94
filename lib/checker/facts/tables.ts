import type { Place } from '../finding/finding';
import { declaredContainers } from '../manifest/pod-templates';
import { asObject, type ManifestObject } from '../object/manifest-object';
import { type Table, tablesIn } from '../sql/ddl';
import type { Job } from './job';
import type { Model } from './model';

/** A table that some DDL among the files makes. */
export interface DeclaredTable extends Table {
  readonly place: Place;
}

/** A table whose name is unknown, or a column that is added under an unknown name. */
const UNKNOWN_DEFINITION =
  /^\s*(?:CREATE\s+(?:OR\s+REPLACE\s+)?(?:MATERIALIZED\s+)?(?:TABLE|VIEW)\s+(?:IF\s+NOT\s+EXISTS\s+)?\S*\0|(?:ALTER|RENAME)\s+TABLE\s+\S*\0|ALTER\b[\s\S]*\b(?:ADD|RENAME)\s+COLUMN\s[\s\S]*\0)/i;

/** Statements of programs that make tables or columns whose names are not known, so that a missing one proves nothing. */
export function unknownDefinitions(model: Model): readonly { readonly job: Job; readonly place: Place }[] {
  return model.programs.flatMap(job =>
    (job.code?.facts.definitions ?? [])
      .filter(({ sql }) => UNKNOWN_DEFINITION.test(sql))
      .flatMap(({ at }) => (job.code === undefined ? [] : [{ job, place: job.code.place(at) }])),
  );
}

/** Whether tables may exist that are not known: by such a statement, or by one that a program makes where it is not followed. */
export function hasUnknownTables(model: Model): boolean {
  return (
    unknownDefinitions(model).length > 0 ||
    model.programs.some(({ code }) => code?.facts.isPartial === true && code.facts.definitions.length > 0)
  );
}

/** The tables of programs' statements, of SQL files, of SQL in ConfigMaps, and of statements on a container's command line. */
export function declaredTables(model: Model): DeclaredTable[] {
  return [
    ...model.programs.flatMap(({ code }) => {
      const definitions = code?.facts.definitions ?? [];
      const [first] = definitions;
      if (code === undefined || first === undefined) return [];
      const place = code.place(first.at);
      const whole = definitions.filter(({ sql }) => !sql.includes('\0')).map(({ sql }) => `${sql};`);
      // Of a statement with an unknown piece only the table's name is taken.
      const named = definitions.filter(({ sql }) => sql.includes('\0')).flatMap(({ sql }) => tablesIn(sql));
      return [
        ...tablesIn(whole.join('\n')).map(table => ({ ...table, place })),
        ...named.map(table => ({ ...table, columns: undefined, place })),
      ];
    }),
    ...model.sql.flatMap(({ file, text }) =>
      tablesIn(text).map(table => ({ ...table, place: { file, line: table.line + 1 } })),
    ),
    ...model
      .ofKind('ConfigMap')
      .flatMap(object =>
        Object.entries(asObject(object.body['data'])).flatMap(([key, text]) =>
          typeof text === 'string' && /\bCREATE\b/i.test(text) && !key.endsWith('.py')
            ? textTables(object, ['data', key], text)
            : [],
        ),
      ),
    ...model.templates.flatMap(template =>
      declaredContainers(template).flatMap(({ container, path }) =>
        ['command', 'args'].flatMap(field => {
          const words = container[field];
          return (Array.isArray(words) ? words : []).flatMap((word, index) =>
            typeof word === 'string' && /\bCREATE\s+(TABLE|MATERIALIZED|VIEW)\b/i.test(word)
              ? textTables(template.object, [...path, field, index], word.slice(word.search(/\bCREATE\b/i)))
              : [],
          );
        }),
      ),
    ),
  ];
}

function textTables(
  object: ManifestObject,
  path: readonly (string | number)[],
  text: string,
): DeclaredTable[] {
  return tablesIn(text).map(table => ({ ...table, place: { object, path, innerLine: table.line } }));
}
