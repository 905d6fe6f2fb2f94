import { podRequest } from '../capacity/pod-request';
import type { Place } from '../finding/finding';
import { quote } from '../finding/message';
import type { Need } from '../finding/note';
import { expandPods } from '../manifest/pods';
import { asObject, type ManifestObject } from '../object/manifest-object';
import { objectId } from '../object/object-id';
import type { Sink, Source } from '../python/facts';
import { checkNames } from '../python/names';
import { knownPrefix, knownText, shownText, type Text } from '../python/values';
import { unreadStatements } from '../sql/ddl';
import { areOfOneQuery, type Checkpoint, checkpointsOf, mayBeShared } from './checkpoints';
import { duplicates } from './duplicates';
import { requestPlace } from './fit';
import type { Job, JobCode } from './job';
import { usesSpark } from './job-code';
import { grouped } from './manifest-index';
import type { Model } from './model';
import { isElsewhere, pythonModules } from './python-modules';
import { kafkaClusters } from './strimzi';
import { declaredTables, unknownDefinitions } from './tables';
import { unjudgedFit } from './unjudged-fit';
import type { Unknown } from './unknown';
import { unreadPods } from './unread-pods';

const STATE_IT = 'write it out, or take it from an argument or variable that the manifest states';

/** Everything about the programs and pods of a model that its rules need and nobody knows. */
export function unknownsOf(model: Model): Unknown[] {
  return [
    ...model.jobs.flatMap(job => (job.code === undefined ? [withoutCode(job)] : [])),
    ...unreadFiles(model),
    ...model.programs.flatMap(({ object, code }) =>
      (code?.facts.gaps ?? []).flatMap(({ at, what }) =>
        code === undefined ? [] : [inPart(code.place(at), [object], what, ['course'])],
      ),
    ),
    ...foreignPrograms(model),
    ...openFiles(model),
    ...model.jobs.flatMap(job => (job.code === undefined ? [] : unknownValues(model, job, job.code))),
    ...unknownCheckpoints(model),
    ...unknownTables(model),
    ...unreadSql(model),
    ...unreadPods(model),
    ...unjudgedFit(model),
    ...variants(model),
    ...openFigures(model),
  ];
}

/** Objects that several files declare differently, of which only one can be in a cluster: once for two files. */
function variants(model: Model): Unknown[] {
  const apart = duplicates(model.objects).filter(({ areTogether }) => !areTogether);
  const pairs = grouped(apart, ({ object, first }) => `${object.source?.file}\n${first.source?.file}`);
  return [...pairs.values()].flatMap((group): Unknown[] => {
    const [duplicate] = group;
    if (duplicate === undefined) return [];
    const { object, first } = duplicate;
    const others = group.length - 1;
    return [
      {
        cause: 'variants of one object',
        place: { object, path: ['metadata', 'name'] },
        concerns: group.flatMap(item => [item.object, item.first]),
        what: `${objectId(object)}${others === 0 ? '' : ` and ${others} more`} ${others === 0 ? 'stands' : 'stand'} in ${first.source?.file ?? 'another place'} with other content, which is taken for a variant`,
        remedy:
          'check the folders or files that are for one cluster at a time, or name environments in the project file',
        needs: ['copies'],
      },
    ];
  });
}

/** Figures of pods that somebody fills in before they are applied. */
function openFigures(model: Model): Unknown[] {
  return expandPods(model.objects).flatMap((set): Unknown[] => {
    const open = [...set.unreadable, ...podRequest(set.pod.spec, set.volumeClaims).unreadable].filter(
      ({ isFilledIn }) => isFilledIn === true,
    );
    const [first] = open;
    if (first === undefined) return [];
    return [
      {
        cause: 'figures that are filled in later',
        place: requestPlace(set, first.resource),
        concerns: [set.owner],
        what: `${[...new Set(open.map(({ resource }) => resource))].join(', ')} of ${set.role} of ${set.owner.metadata.name} ${open.length === 1 ? 'is a placeholder' : 'are placeholders'}, so these pods are not counted`,
        remedy: 'check the manifests as they are applied',
        needs: ['figures'],
      },
    ];
  });
}

function withoutCode({ object, path, name }: Job): Unknown {
  return {
    cause: 'code that is not among the files',
    place: { object, path },
    concerns: [object],
    what: `the code of Spark job ${name} is in no ConfigMap of these files`,
    remedy: 'check it together with a ConfigMap that holds its Python; an image or a bucket is not read',
    needs: ['course'],
  };
}

/** A Spark job without anything of Spark in its code leaves all of it to code that nobody saw. */
function foreignPrograms(model: Model): Unknown[] {
  return model.jobs.flatMap(({ object, name, code }) => {
    if (code?.facts.foreignCall === undefined || code.facts.isPartial || usesSpark(code.facts)) return [];
    const { at, what } = code.facts.foreignCall;
    return [
      {
        cause: 'code that is not among the files',
        place: code.place(at),
        concerns: [object],
        what: `${name} ${what}`,
        remedy: 'check it together with a ConfigMap that holds this module',
        needs: ['course'],
      },
    ];
  });
}

/** What Python refuses as well is a violation, not a note. */
function unreadFiles(model: Model): Unknown[] {
  return pythonModules(model).flatMap(({ object, key, module, place, isRun }) => {
    const { failure } = module;
    if (failure === undefined || failure.isRefusedByPython) return [];
    return [
      {
        cause: 'Python that is not read',
        place: place(failure.line),
        concerns: object === undefined ? [] : [object],
        what: `${key} is not read, because the grammar of this check does not know what stands here: ${failure.message}`,
        remedy: 'write this line in another way',
        needs: ['text', 'names', ...(isRun ? (['course'] as const) : [])],
      },
    ];
  });
}

function openFiles(model: Model): Unknown[] {
  return pythonModules(model)
    .filter(file => file.module.failure === undefined && !isElsewhere(file))
    .flatMap(({ object, module, place }) => {
      const { open } = checkNames(module);
      if (open === undefined) return [];
      const concerns = object === undefined ? [] : [object];
      return [
        inPart(place(module.lineOf(open.offset)), concerns, `${open.what} brings names that nobody knows`, [
          'names',
        ]),
      ];
    });
}

function inPart(
  place: Place,
  concerns: readonly ManifestObject[],
  what: string,
  needs: readonly Need[],
): Unknown {
  return {
    cause: 'Python that is followed in part',
    place,
    concerns,
    what,
    remedy: 'import by name, and call functions where the code would run a text',
    needs,
  };
}

function unknownValues(model: Model, job: Job, code: JobCode): Unknown[] {
  const { sources, sinks, conf } = code.facts;
  const endpoints: readonly (Source | Sink)[] = [...sources, ...sinks];
  const unknown = (place: Place, what: string, ...needs: readonly Need[]): Unknown => ({
    cause: 'values that are not known',
    place,
    concerns: [job.object],
    what: `${job.name} ${what}`,
    remedy: STATE_IT,
    needs,
  });
  const placeOf = (setting: { readonly value: Text; readonly at: Source['at'] }) =>
    code.placeOf(setting.value, setting.at);
  return [
    ...endpoints
      .filter(({ format }) => format === '?')
      .map(({ at }) => unknown(code.place(at), 'reads or writes in a format that is not known', 'format')),
    ...sources
      .filter(
        ({ isStream, hasOpenOptions, options }) =>
          isStream && hasOpenOptions && !BOUNDS.some(bound => options.has(bound)),
      )
      .map(({ at }) =>
        unknown(
          code.place(at),
          'reads a stream with options that are not known, so neither is the bound of a trigger',
          'options',
        ),
      ),
    ...sources.flatMap(({ at, paths }) =>
      // Files that the program lists while it runs stand in no manifest; what the manifest should have said does.
      paths
        .filter(text => text.origin !== undefined && isUnknownFromTheStart(text))
        .map(text => unknown(code.placeOf(text, at), 'reads from a location that is not known', 'location')),
    ),
    ...sinks.flatMap(({ at, path }) =>
      path !== undefined && isUnknownFromTheStart(path)
        ? [unknown(code.placeOf(path, at), 'writes to a location that is not known', 'location')]
        : [],
    ),
    ...sinks
      .filter(({ isStream }) => isStream)
      .flatMap(({ at, options, hasOpenOptions }) => {
        const setting = options.get('checkpointlocation');
        return setting === undefined && hasOpenOptions
          ? [
              unknown(
                code.place(at),
                'starts a stream with options that are not known, so neither is its checkpoint',
                'checkpoint',
                'checkpoint-root',
                'sink-options',
              ),
            ]
          : [];
      }),
    ...(kafkaClusters(model).length === 0 ? [] : endpoints).flatMap(({ format, options }) => {
      const setting = options.get('subscribe') ?? options.get('topic');
      return format !== 'kafka' || setting === undefined || knownText(setting.value) !== undefined
        ? []
        : [
            unknown(
              placeOf(setting),
              `uses a topic that is not known: ${quote(shownText(setting.value))}`,
              'topic',
            ),
          ];
    }),
    ...conf
      .filter(({ key, setting }) => SETTINGS.test(key) && knownText(setting.value) === undefined)
      .map(({ key, setting }) =>
        unknown(placeOf(setting), `sets ${key} to a value that is not known`, 'setting'),
      ),
  ];
}

/** Checkpoints that are not known from their start, and those that may be another query's for all that is known. */
function unknownCheckpoints(model: Model): Unknown[] {
  const all = model.jobs.flatMap(checkpointsOf);
  const isKnownEnough = (one: Checkpoint) =>
    one.prefix !== '' &&
    !all.some(other => other.prefix !== '' && !areOfOneQuery(one, other) && mayBeShared(one, other));
  return all
    .filter(one => one.whole === undefined && !isKnownEnough(one))
    .map(({ job, place, prefix, shown }) => ({
      cause: 'values that are not known',
      place,
      concerns: [job.object],
      what: `${job.name} keeps a checkpoint that is not known to its end: ${quote(shown)}`,
      remedy: STATE_IT,
      needs: ['checkpoint', ...(prefix === '' ? (['checkpoint-root'] as const) : [])],
    }));
}

const BOUNDS = ['maxoffsetspertrigger', 'maxfilespertrigger', 'maxbytespertrigger'];

/** Settings whose values rules look at. */
const SETTINGS = /^spark\.(jars|jars\.(packages|ivy|excludes)|executor\.instances|dynamicAllocation\.\w+)$/;

function isUnknownFromTheStart(text: Text): boolean {
  return knownPrefix(text) === '' && text.parts.includes(null);
}

/** Only where there is DDL to compare with. */
function unknownTables(model: Model): Unknown[] {
  const cause = 'values that are not known';
  const writes = model.programs.flatMap(({ object, name, code }): Unknown[] =>
    (code?.facts.sinks ?? []).flatMap(({ format, options, table }) => {
      const goesToClickHouse =
        format === 'clickhouse' ||
        (format === 'jdbc' && /^jdbc:(clickhouse|ch):/.test(knownPrefix(options.get('url')?.value)));
      if (code === undefined || table === undefined || !goesToClickHouse) return [];
      if (knownText(table.name) !== undefined) return [];
      const what = `${name} writes a table that is not known: ${quote(shownText(table.name))}`;
      const place = code.placeOf(table.name, table.at);
      return [{ cause, place, concerns: [object], what, remedy: STATE_IT, needs: ['table'] }];
    }),
  );
  const definitions = unknownDefinitions(model).map(
    ({ job, place }): Unknown => ({
      cause,
      place,
      concerns: [job.object],
      what: `${job.name} makes a table or column whose name is not known`,
      remedy: STATE_IT,
      needs: ['schema'],
    }),
  );
  const all = [...writes, ...definitions];
  return all.length === 0 || declaredTables(model).length === 0 ? [] : all;
}

/** SQL of which a statement is not read: the tables that it makes are not known. */
function unreadSql(model: Model): Unknown[] {
  const texts = [
    ...model.sql.map(({ file, text }) => ({
      text,
      place: (line: number): Place => ({ file, line: line + 1 }),
      concerns: [] as ManifestObject[],
    })),
    ...model.ofKind('ConfigMap').flatMap(object =>
      Object.entries(asObject(object.body['data'])).flatMap(([key, text]) =>
        key.endsWith('.sql') && typeof text === 'string'
          ? [
              {
                text,
                place: (innerLine: number): Place => ({ object, path: ['data', key], innerLine }),
                concerns: [object],
              },
            ]
          : [],
      ),
    ),
  ];
  return texts.flatMap(({ text, place, concerns }) =>
    // What is filled in before it is run may be anything.
    (/\{\{|\$\{/.test(text) ? [] : unreadStatements(text)).map(
      ({ line, what }): Unknown => ({
        cause: 'SQL that is not read',
        place: place(line),
        concerns,
        what: `SQL is not read from here on to the next semicolon: ${what}`,
        remedy: 'mend the statement, or write it in the form of the documentation of ClickHouse',
        needs: ['schema'],
      }),
    ),
  );
}
