import { Column } from './column';
import type { Arm, Setting, Sink, Source } from './facts';
import { type RawColumns, rawAfter, selected } from './lineage';
import type { Queries, StartedQuery } from './queries';
import {
  type Arguments,
  type At,
  alternatives,
  knownPrefix,
  knownText,
  Native,
  NONE,
  shownText,
  type Text,
  text,
  textOf,
  UNKNOWN,
  type Value,
} from './values';

/** What the Spark objects tell and ask. */
export interface SparkContext {
  readonly frames: Frame[];
  readonly views: Map<string, Frame>;
  readonly isInBatchFunction: boolean;
  /** How many calls deep the program is. */
  readonly depth: number;
  /** The alternatives in which the program is. */
  readonly arms: readonly Arm[];
  readonly turns: readonly number[];
  source(source: Source): void;
  sink(sink: Sink): void;
  conf(key: string, setting: Setting): void;
  /** Calls a function of the program. */
  call(callee: Value, args: Arguments, at: At): Value;
  /** Calls a function for every micro-batch of a stream. */
  callForBatch(callee: Value, args: Arguments, at: At): void;
  escape(value: Value): void;
  /** What is told of the queries that the program starts, waits for and stops. */
  readonly queries: Queries;
  /** Something that only a batch can do is done with a stream. */
  batchAction(action: string, at: At): void;
  /** From here on the program is not followed, because this stands here. */
  gap(what: string): void;
}

const KAFKA_COLUMNS = ['key', 'value', 'topic', 'partition', 'offset', 'timestamp', 'timestampType'];

/** Formats that DataFrameReader and DataFrameWriter have methods for. */
const FILE_FORMATS: ReadonlySet<string> = new Set(['parquet', 'json', 'csv', 'orc', 'text', 'xml']);

/** Methods that give rows, or a side effect, and not a dataframe. */
const ACTIONS: ReadonlySet<string> = new Set([
  'count',
  'collect',
  'show',
  'take',
  'head',
  'first',
  'tail',
  'toPandas',
  'toLocalIterator',
  'isEmpty',
  'foreach',
  'foreachPartition',
  'toJSON',
  'collectAsMap',
  'toArrow',
  'summary',
  'describe',
  'approxQuantile',
  'corr',
  'cov',
  'display',
]);

/** Methods that look at a dataframe without running it. */
const LOOKS: ReadonlySet<string> = new Set([
  'printSchema',
  'explain',
  'isLocal',
  'unpersist',
  'inputFiles',
  'sameSemantics',
  'semanticHash',
]);

/** Actions that give rows to the program, or to a function of its. */
const ROWS: ReadonlySet<string> = new Set([
  'collect',
  'take',
  'toPandas',
  'toLocalIterator',
  'foreach',
  'foreachPartition',
  'toJSON',
  'collectAsMap',
  'toArrow',
]);

/** SQL that makes one row of many. */
const AGGREGATING =
  /\bgroup\s+by\b|^\s*select\s+(?![\s\S]*\bover\s*\()[\s\S]*\b(count|sum|avg|mean|min|max|first|last|collect_list|collect_set|approx_count_distinct)\s*\(/i;

/** What makes an aggregation of a grouping; the others keep a state of their own, or map it. */
const AGGREGATES: ReadonlySet<string> = new Set(['agg', 'count', 'sum', 'avg', 'mean', 'min', 'max']);

/** Names of the layers after the raw one. */
const NEXT_LAYER = /silver|gold|platinum/i;

/** Methods whose result has all columns that were there, and more. */
const ADDS_COLUMNS: ReadonlySet<string> = new Set([
  'withColumn',
  'withColumns',
  'withColumnRenamed',
  'join',
  'crossJoin',
]);

/** Methods whose result has the same columns. */
const SAME_COLUMNS: ReadonlySet<string> = new Set([
  'filter',
  'where',
  'withWatermark',
  'dropDuplicates',
  'dropDuplicatesWithinWatermark',
  'drop_duplicates',
  'distinct',
  'repartition',
  'coalesce',
  'orderBy',
  'sort',
  'limit',
  'offset',
  'hint',
  'alias',
  'checkpoint',
  'localCheckpoint',
  'sample',
  'repartitionByRange',
  'sortWithinPartitions',
  'dropna',
  'fillna',
  'replace',
  'observe',
  'union',
  'unionAll',
  'intersect',
  'exceptAll',
  'subtract',
  'rebalance',
]);

/** SparkSession.builder and SparkConf: what settings go through. */
export class Configuration extends Native {
  constructor(
    private readonly context: SparkContext,
    private readonly isBuilder: boolean,
  ) {
    super();
  }

  public method(name: string, args: Arguments, at: At): Value {
    const [key, value] = args.positional;
    if (name === 'getOrCreate' || name === 'create') return new Session(this.context);
    if (name === 'config' || name === 'set' || name === 'setIfMissing') {
      const setting = args.keywords.get('value') ?? value;
      const named = knownText(args.keywords.get('key') ?? key);
      if (named !== undefined && setting !== undefined)
        this.context.conf(named, { at, value: textOf(setting) });
      this.pairs(args.keywords.get('map'), at);
    }
    if (name === 'setAll') this.pairs(key, at);
    if (name === 'master' || name === 'setMaster') this.setting('spark.master', key, at);
    if (name === 'remote') this.setting('spark.remote', key, at);
    if (name === 'get') return UNKNOWN;
    return this;
  }

  public override attribute(name: string): Value {
    return name === 'builder' && this.isBuilder ? this : UNKNOWN;
  }

  private setting(key: string, value: Value | undefined, at: At): void {
    if (value !== undefined) this.context.conf(key, { at, value: textOf(value) });
  }

  private pairs(value: Value | undefined, at: At): void {
    if (value?.kind === 'dict') for (const [key, item] of value.entries) this.setting(key, item, at);
    if (value?.kind === 'list') {
      for (const item of value.items) {
        if (item.kind !== 'list') continue;
        const key = knownText(item.items[0]);
        if (key !== undefined) this.setting(key, item.items[1], at);
      }
    }
  }
}

export class Session extends Native {
  constructor(private readonly context: SparkContext) {
    super();
  }

  public method(name: string, args: Arguments, at: At): Value {
    switch (name) {
      case 'createDataFrame':
      case 'range':
      case 'emptyDataFrame':
        return new Frame(this.context, at, { sources: [], parents: [], columns: undefined, raw: undefined });
      case 'table': {
        const table = args.positional[0];
        const view = this.context.views.get(knownText(table) ?? '');
        if (view !== undefined) return view.same(at);
        return new Reader(this.context, false).method('table', args, at);
      }
      case 'sql':
        return this.sql(args, at);
      case 'stop':
        this.context.queries.stop(undefined, at);
        return NONE;
      case 'newSession':
      case 'getActiveSession':
      case 'active':
        return this;
      default:
        return UNKNOWN;
    }
  }

  public override attribute(name: string): Value {
    if (name === 'read') return new Reader(this.context, false);
    if (name === 'readStream') return new Reader(this.context, true);
    if (name === 'builder') return new Configuration(this.context, true);
    if (name === 'conf') return new Configuration(this.context, false);
    if (name === 'streams') return new QueryManager(this.context);
    return UNKNOWN;
  }

  /** A statement reads the views that it names; one that is not known may read them all. */
  private sql(args: Arguments, at: At): Value {
    const statement = args.positional[0] ?? args.keywords.get('sqlQuery');
    const known = knownText(statement);
    const words = new Set(known?.toLowerCase().match(/[\w.]+/g) ?? []);
    const views = [...this.context.views].filter(
      ([name]) => known === undefined || words.has(name.toLowerCase()),
    );
    for (const value of args.keywords.values()) this.context.escape(value);
    const frame = new Frame(this.context, at, {
      sources: views.flatMap(([, view]) => view.sources),
      parents: views.map(([, view]) => view),
      columns: undefined,
      raw: rawOfQuery(
        known,
        views.map(([, view]) => view.raw),
      ),
      keepsAll: /^\s*select\s+\*\s+from\b/i.test(known ?? ''),
      aggregates: known === undefined || AGGREGATING.test(known),
      setsWatermark: known === undefined,
    });
    if (knownPrefix(statement).trim() === '' && known !== '')
      this.context.gap('spark.sql runs a text that is not known');
    if (known === undefined || !/^\s*(select|with)\b/i.test(known)) frame.isUsed = true;
    return frame;
  }
}

/** A format that is given but not known. */
export const UNKNOWN_FORMAT = '?';

function formatName(value: Value | undefined): string {
  return knownText(value)?.toLowerCase() ?? UNKNOWN_FORMAT;
}

/** Format, options and place of a reader or writer, as they are put together. */
class Settings {
  public format: string | undefined;
  /** Where the format is given. */
  public formatAt: At | undefined;
  public readonly options = new Map<string, Setting>();
  public isOpen = false;
  public hasSchema = false;
  public outputMode: Setting | undefined;

  public copy(): Settings {
    const copy = new Settings();
    copy.format = this.format;
    copy.formatAt = this.formatAt;
    copy.isOpen = this.isOpen;
    copy.hasSchema = this.hasSchema;
    copy.outputMode = this.outputMode;
    for (const [key, setting] of this.options) copy.options.set(key, setting);
    return copy;
  }

  public set(key: string, value: Value, at: At): void {
    this.options.set(key.toLowerCase(), { at, value: textOf(value) });
  }

  /** Whether the method was one that sets something. */
  public apply(name: string, args: Arguments, at: At): boolean {
    const [first, second] = args.positional;
    if (name === 'format') {
      this.format = formatName(first ?? args.keywords.get('source'));
      this.formatAt = at;
      return true;
    }
    if (name === 'option') {
      const key = knownText(first ?? args.keywords.get('key'));
      const value = second ?? args.keywords.get('value');
      if (key === undefined || value === undefined) this.isOpen = true;
      else this.set(key, value, at);
      return true;
    }
    if (name === 'options') {
      for (const [key, value] of args.keywords) this.set(key, value, at);
      if (args.isOpen) this.isOpen = true;
      return true;
    }
    return false;
  }

  /** What the methods that start or save take beside options. */
  public applyKeywords({ keywords, isOpen }: Arguments, at: At): void {
    const format = keywords.get('format');
    if (format !== undefined) this.format = formatName(format);
    const outputMode = keywords.get('outputMode');
    if (outputMode !== undefined) this.outputMode = { at, value: textOf(outputMode) };
    for (const [key, value] of keywords) if (!STORE_PARAMETERS.has(key)) this.set(key, value, at);
    if (isOpen) this.isOpen = true;
  }
}

/** Parameters of start(), save(), toTable() and saveAsTable() that are no options. */
const STORE_PARAMETERS: ReadonlySet<string> = new Set([
  'path',
  'tableName',
  'name',
  'format',
  'outputMode',
  'partitionBy',
  'queryName',
  'mode',
]);

export class Reader extends Native {
  constructor(
    private readonly context: SparkContext,
    private readonly isStream: boolean,
    private readonly settings = new Settings(),
  ) {
    super();
  }

  public method(name: string, args: Arguments, at: At): Value {
    const settings = this.settings.copy();
    if (settings.apply(name, args, at)) return new Reader(this.context, this.isStream, settings);
    if (name === 'schema') {
      settings.hasSchema = true;
      return new Reader(this.context, this.isStream, settings);
    }
    const given =
      args.keywords.get('schema') ?? (this.isStream ? args.positional[name === 'load' ? 2 : 1] : undefined);
    if ((given !== undefined && given.kind !== 'none') || args.isOpen) settings.hasSchema = true;
    for (const [key, value] of args.keywords) {
      if (key !== 'path' && key !== 'format' && key !== 'schema' && value.kind !== 'none')
        settings.set(key, value, at);
    }
    if (args.isOpen) settings.isOpen = true;
    if (name === 'load') {
      const format = args.keywords.get('format');
      if (format !== undefined) settings.format = formatName(format);
      return this.frame(settings, args.keywords.get('path') ?? args.positional[0], undefined, at);
    }
    if (FILE_FORMATS.has(name)) {
      settings.format = name;
      const paths = args.keywords.get('path') ?? args.keywords.get('paths') ?? args.positional[0];
      const all: Value = { kind: 'list', items: [...args.positional], isOpen: false };
      return this.frame(settings, args.positional.length > 1 ? all : paths, undefined, at);
    }
    if (name === 'table') return this.frame(settings, undefined, args.positional[0], at);
    if (name === 'jdbc') {
      settings.format = 'jdbc';
      const [url, table] = args.positional;
      if (url !== undefined) settings.set('url', url, at);
      return this.frame(settings, undefined, table ?? args.keywords.get('table'), at);
    }
    return UNKNOWN;
  }

  private frame(settings: Settings, path: Value | undefined, table: Value | undefined, at: At): Frame {
    const source: Source = {
      at: settings.formatAt ?? at,
      isStream: this.isStream,
      format: settings.format,
      options: settings.options,
      hasOpenOptions: settings.isOpen,
      hasSchema: settings.hasSchema,
      paths: [...texts(path), ...(path === undefined ? texts(settings.options.get('path')?.value) : [])],
      ...(table === undefined ? {} : { table: textOf(table) }),
    };
    this.context.source(source);
    const isKafka = settings.format === 'kafka';
    return new Frame(this.context, at, {
      sources: [source],
      parents: [],
      columns: isKafka ? KAFKA_COLUMNS : undefined,
      raw: isKafka ? new Set(['value']) : undefined,
    });
  }
}

/** The texts of a value: one, or those of a list; an alternative counts by itself. */
function texts(value: Value | undefined): Text[] {
  if (value === undefined || value.kind === 'none') return [];
  if (value.kind === 'list') return value.items.flatMap(item => texts(item));
  return alternatives(value).map(textOf);
}

export class Frame extends Native {
  public isUsed = false;
  /** Whether its schema or plan is shown. */
  public isLookedAt = false;
  public hasIdleWriter = false;
  public name: string | undefined;
  /** Every variable that holds it. */
  public readonly names = new Set<string>();
  /** Whether a writer stores all of it, or code that is not followed gets it. */
  public isStored = false;
  /** Where a writer stores it: what is known of the place. */
  public readonly stores: string[] = [];
  public at: At;
  public readonly depth: number;
  public readonly sources: readonly Source[];
  public readonly columns: readonly string[] | undefined;
  public readonly raw: RawColumns;
  public readonly keepsAll: boolean;
  public readonly isStreaming: boolean;
  public readonly hasWatermark: boolean;
  public readonly aggregation: Sink['aggregation'];
  public readonly parents: readonly Frame[];

  constructor(
    private readonly context: SparkContext,
    at: At,
    origin: {
      readonly sources: readonly Source[];
      readonly parents: readonly Frame[];
      readonly columns: readonly string[] | undefined;
      readonly raw: RawColumns;
      /** Whether it has all columns of its parents. */
      readonly keepsAll?: boolean;
      /** Whether it is made by an aggregation. */
      readonly aggregates?: boolean;
      /** Whether it has a watermark that its parents have not. */
      readonly setsWatermark?: boolean;
      /** The dataframe whose batch it is. */
      readonly batchOf?: Frame;
    },
  ) {
    super();
    this.at = at;
    this.depth = context.depth;
    this.sources = [...new Set(origin.sources)];
    this.columns = origin.columns;
    this.raw = origin.raw;
    this.keepsAll = origin.keepsAll === true;
    this.isStreaming =
      origin.batchOf === undefined &&
      (origin.parents.length > 0
        ? origin.parents.some(parent => parent.isStreaming)
        : origin.sources.some(({ isStream }) => isStream));
    this.hasWatermark = origin.setsWatermark === true || origin.parents.some(parent => parent.hasWatermark);
    const before = origin.parents.find(({ aggregation }) => aggregation !== undefined)?.aggregation;
    this.aggregation =
      origin.aggregates === true && before === undefined ? { isWatermarked: this.hasWatermark } : before;
    this.parents = origin.batchOf === undefined ? origin.parents : [origin.batchOf];
    for (const parent of origin.parents) parent.isUsed = true;
    context.frames.push(this);
  }

  public override escape(): void {
    this.isUsed = true;
    this.store('');
  }

  /** It, and what it has all columns of, is stored in a place. */
  public store(place: string): void {
    this.stores.push(place);
    this.keep();
  }

  private keep(): void {
    if (this.isStored) return;
    this.isStored = true;
    const isNextLayer = [...this.names].some(name => NEXT_LAYER.test(name));
    if (this.keepsAll && !isNextLayer) for (const parent of this.parents) parent.keep();
  }

  public derived(
    at: At,
    columns: readonly string[] | undefined,
    {
      others = [],
      ...own
    }: {
      readonly others?: readonly Frame[];
      readonly raw: RawColumns;
      readonly keepsAll?: boolean;
      readonly aggregates?: boolean;
      readonly setsWatermark?: boolean;
    },
  ): Frame {
    return new Frame(this.context, at, {
      sources: [...this.sources, ...others.flatMap(other => other.sources)],
      parents: [this, ...others],
      columns,
      ...own,
    });
  }

  public same(at: At): Frame {
    return this.derived(at, this.columns, { raw: this.raw, keepsAll: true });
  }

  public override attribute(name: string, at: At): Value {
    if (name === 'write' && this.isStreaming) this.context.batchAction('write', at);
    if (name === 'writeStream' || name === 'write')
      return new Writer(this.context, this, name === 'writeStream');
    if (name === 'sparkSession' || name === 'sql_ctx') return new Session(this.context);
    if (['isStreaming', 'columns', 'schema', 'dtypes', 'storageLevel'].includes(name)) {
      this.isLookedAt = true;
      return name === 'isStreaming' ? { kind: 'boolean', value: this.isStreaming } : UNKNOWN;
    }
    if (name === 'na') return this.same(at);
    if (name === 'rdd' || name === 'stat') {
      this.escape();
      return UNKNOWN;
    }
    return new Column(name);
  }

  public method(name: string, args: Arguments, at: At): Value {
    if (name === 'persist' || name === 'cache') return this;
    if (LOOKS.has(name)) {
      this.isLookedAt = true;
      return UNKNOWN;
    }
    if (/^create(OrReplace)?(Global)?TempView$|^registerTempTable$/.test(name)) {
      const view = knownText(args.positional[0]);
      if (view === undefined) this.escape();
      else this.context.views.set(view, this);
      return NONE;
    }
    if (name === 'writeTo') {
      return new Writer(this.context, this, false).to(args.positional[0], at);
    }
    if (ACTIONS.has(name)) {
      this.isUsed = true;
      if (this.isStreaming && name !== 'display') this.context.batchAction(`${name}()`, at);
      // Whoever gets the rows may store them.
      if (ROWS.has(name)) this.store('');
      if (name.startsWith('foreach')) {
        for (const value of args.positional)
          this.context.call(value, { positional: [UNKNOWN], keywords: new Map(), isOpen: false }, at);
      }
      return UNKNOWN;
    }
    if (name === 'groupBy' || name === 'groupby' || name === 'rollup' || name === 'cube') {
      return new Grouped(this.context, this, outputNames(args.positional, this.columns));
    }
    if (name === 'agg') return new Grouped(this.context, this, []).method('agg', args, at);
    if (name === 'transform') {
      const [callee, ...rest] = args.positional;
      return this.context.call(callee ?? UNKNOWN, { ...args, positional: [this, ...rest] }, at);
    }
    const values = [...args.positional, ...args.keywords.values()].flatMap(alternatives);
    const others = values.filter((value): value is Frame => value instanceof Frame);
    for (const value of values)
      if (!(value instanceof Frame) && value.kind !== 'text') this.context.escape(value);
    const columns = this.columnsAfter(name, args);
    return this.derived(at, columns, {
      others,
      raw: SAME_COLUMNS.has(name) || name === 'join' ? this.raw : rawAfter(name, args, this.raw),
      keepsAll: this.keepsAllBy(name, args, columns),
      setsWatermark: name === 'withWatermark',
    });
  }

  private keepsAllBy(name: string, args: Arguments, columns: readonly string[] | undefined): boolean {
    if (SAME_COLUMNS.has(name) || ADDS_COLUMNS.has(name)) return true;
    if (args.positional.some(value => knownText(value)?.trim() === '*')) return true;
    return columns !== undefined && this.columns?.every(column => columns.includes(column)) === true;
  }

  private columnsAfter(name: string, args: Arguments): readonly string[] | undefined {
    const { columns } = this;
    const first = knownText(args.positional[0] ?? args.keywords.get('colName'));
    if (SAME_COLUMNS.has(name)) return columns;
    if (name === 'select') return outputNames(args.positional, columns);
    if (name === 'selectExpr') return expressionNames(args.positional, columns);
    if (name === 'toDF') return args.positional.length > 0 ? all(args.positional.map(knownText)) : columns;
    if (columns === undefined) return undefined;
    if (name === 'withColumn') return first === undefined ? undefined : [...new Set([...columns, first])];
    if (name === 'withColumns') {
      const added = args.positional[0];
      return added?.kind === 'dict' && !added.isOpen
        ? [...new Set([...columns, ...added.entries.keys()])]
        : undefined;
    }
    if (name === 'withColumnRenamed') {
      const second = knownText(args.positional[1]);
      return first === undefined || second === undefined
        ? undefined
        : columns.map(column => (column === first ? second : column));
    }
    if (name === 'drop') {
      const dropped = all(
        args.positional.map(value => (value instanceof Column ? value.name : knownText(value))),
      );
      return dropped === undefined ? undefined : columns.filter(column => !dropped.includes(column));
    }
    return undefined;
  }
}

class Grouped extends Native {
  constructor(
    private readonly context: SparkContext,
    private readonly frame: Frame,
    private readonly keys: readonly string[] | undefined,
  ) {
    super();
  }

  public override escape(): void {
    this.frame.escape();
  }

  public method(name: string, args: Arguments, at: At): Value {
    if (name === 'pivot') return new Grouped(this.context, this.frame, undefined);
    for (const value of args.positional) if (value.kind === 'function') this.context.escape(value);
    const { keys } = this;
    const values =
      name === 'agg' ? outputNames(args.positional, undefined) : name === 'count' ? ['count'] : undefined;
    const columns = keys === undefined || values === undefined ? undefined : [...keys, ...values];
    const raw = selected(
      [...(keys ?? []).map(key => text(key)), ...(name === 'agg' ? args.positional : [])],
      this.frame.raw,
      false,
    );
    return this.frame.derived(at, columns, {
      raw: keys === undefined ? undefined : raw,
      aggregates: AGGREGATES.has(name),
    });
  }
}

export class Writer extends Native {
  constructor(
    private readonly context: SparkContext,
    private readonly frame: Frame | undefined,
    private readonly isStream: boolean,
    private readonly settings = new Settings(),
    private readonly target: { at: At; name: Text } | undefined = undefined,
  ) {
    super();
    if (frame !== undefined && !frame.isUsed) frame.hasIdleWriter = true;
  }

  public override escape(): void {
    this.frame?.escape();
  }

  /** DataFrameWriterV2. */
  public to(table: Value | undefined, at: At): Writer {
    const name = table === undefined ? { kind: 'text' as const, parts: [null] } : textOf(table);
    return new Writer(this.context, this.frame, false, this.settings.copy(), { at, name });
  }

  public method(name: string, args: Arguments, at: At): Value {
    const settings = this.settings.copy();
    const next = () => new Writer(this.context, this.frame, this.isStream, settings, this.target);
    if (settings.apply(name, args, at)) return next();
    const [first, second] = args.positional;
    switch (name) {
      case 'trigger':
        for (const [key, value] of args.keywords) settings.set(`trigger.${key}`, value, at);
        if (args.isOpen) settings.set('trigger.availableNow', UNKNOWN, at);
        return next();
      case 'foreachBatch': {
        const frame = this.frame;
        if (frame !== undefined) {
          // The batch is input: only what is made of it can be forgotten.
          const batch = new Frame(this.context, at, {
            sources: frame.sources,
            parents: [],
            columns: frame.columns,
            raw: frame.raw,
            keepsAll: true,
            batchOf: frame,
          });
          batch.isUsed = true;
          this.context.callForBatch(
            first ?? UNKNOWN,
            { positional: [batch, UNKNOWN], keywords: new Map(), isOpen: false },
            at,
          );
        } else if (first !== undefined) {
          this.context.callForBatch(
            first,
            { positional: [UNKNOWN, UNKNOWN], keywords: new Map(), isOpen: false },
            at,
          );
        }
        settings.format = 'foreachbatch';
        return next();
      }
      case 'foreach':
        if (first !== undefined) this.context.escape(first);
        settings.format = 'foreach';
        return next();
      case 'outputMode':
        if (first !== undefined) settings.outputMode = { at, value: textOf(first) };
        return next();
      case 'queryName':
      case 'mode':
      case 'partitionBy':
      case 'bucketBy':
      case 'sortBy':
      case 'clusterBy':
      case 'using':
      case 'tableProperty':
      case 'partitionedBy':
        return next();
      case 'start':
      case 'save':
      case 'load':
        settings.applyKeywords(args, at);
        return this.store(settings, args.keywords.get('path') ?? first, undefined, at);
      case 'toTable':
      case 'saveAsTable':
        settings.applyKeywords(args, at);
        return this.store(
          settings,
          undefined,
          {
            at,
            name: textOf(first ?? args.keywords.get('tableName') ?? args.keywords.get('name') ?? UNKNOWN),
          },
          at,
        );
      case 'insertInto':
      case 'table':
        return this.store(
          settings,
          undefined,
          { at, name: textOf(first ?? args.keywords.get('tableName') ?? UNKNOWN) },
          at,
        );
      case 'jdbc':
        settings.format = 'jdbc';
        if (first !== undefined) settings.set('url', first, at);
        return this.store(
          settings,
          undefined,
          { at, name: textOf(second ?? args.keywords.get('table') ?? UNKNOWN) },
          at,
        );
      case 'append':
      case 'create':
      case 'replace':
      case 'createOrReplace':
      case 'overwrite':
      case 'overwritePartitions':
        return this.target === undefined ? UNKNOWN : this.store(settings, undefined, this.target, at);
      default:
        if (!FILE_FORMATS.has(name)) return UNKNOWN;
        settings.format = name;
        return this.store(settings, args.keywords.get('path') ?? first, undefined, at);
    }
  }

  private store(
    settings: Settings,
    path: Value | undefined,
    table: { at: At; name: Text } | undefined,
    at: At,
  ): Value {
    const target = path ?? settings.options.get('path')?.value;
    const dbtable = settings.options.get('dbtable') ?? settings.options.get('table');
    const named = table ?? (dbtable === undefined ? undefined : { at: dbtable.at, name: dbtable.value });
    if (this.frame !== undefined) {
      this.frame.isUsed = true;
      // What becomes of a batch is seen where its function stores it.
      if (settings.format !== 'foreachbatch')
        this.frame.store([target, named?.name].map(value => shownText(value, '')).join(' '));
    }
    for (const place of target === undefined ? [undefined] : texts(target)) {
      this.context.sink({
        at,
        isStream: this.isStream,
        isInBatchFunction: this.context.isInBatchFunction,
        format: settings.format,
        options: settings.options,
        hasOpenOptions: settings.isOpen,
        ...(place === undefined ? {} : { path: place }),
        ...(named === undefined ? {} : { table: named }),
        columns: this.frame?.columns,
        sources: this.frame?.sources ?? [],
        ...keepsRaw(this.frame?.raw),
        ...(settings.outputMode === undefined ? {} : { outputMode: settings.outputMode }),
        ...(this.isStream && this.frame?.aggregation !== undefined
          ? { aggregation: this.frame.aggregation }
          : {}),
        arms: this.context.arms,
        turns: this.context.turns,
      });
    }
    if (!this.isStream) return NONE;
    const ends = ENDING_TRIGGERS.some(trigger => settings.options.has(trigger));
    return new Query(this.context, this.context.queries.start(at, ends));
  }
}

/** Whether the value of a record is among the columns, when that is known. */
function keepsRaw(raw: RawColumns): Pick<Sink, 'keepsRaw'> {
  return raw === undefined ? {} : { keepsRaw: raw.size > 0 };
}

/** What a SELECT over views leaves of the raw value. */
function rawOfQuery(statement: string | undefined, views: readonly RawColumns[]): RawColumns {
  const list = /^\s*select\s+([\s\S]*?)\s+from\s/i.exec(statement ?? '')?.[1];
  const [raw] = views;
  if (list === undefined || views.length !== 1) return undefined;
  return selected(
    topLevel(list).map(item => text(item)),
    raw,
    true,
  );
}

/** The items of a list with commas, of which those in parentheses separate nothing. */
function topLevel(list: string): string[] {
  const items = [''];
  let depth = 0;
  for (const character of list) {
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (character === ',' && depth === 0) items.push('');
    else items[items.length - 1] += character;
  }
  return items;
}

/** Triggers that process what is there and end the query. */
const ENDING_TRIGGERS = ['trigger.availablenow', 'trigger.once'];

/** A StreamingQuery: what it tells is not known before it runs. */
class Query extends Native {
  constructor(
    private readonly context: SparkContext,
    private readonly query: StartedQuery,
  ) {
    super();
  }

  public method(name: string, args: Arguments, at: At): Value {
    const { queries } = this.context;
    if (name === 'awaitTermination') queries.awaited(isForEver(args) ? this.query : undefined, at);
    else if (name === 'stop') queries.stop(this.query, at);
    else if (name === 'processAllAvailable') queries.mayWait();
    return UNKNOWN;
  }

  public override attribute(name: string): Value {
    // Whoever asks whether it runs goes on asking.
    if (!/^(awaitTermination|stop|explain|processAllAvailable)$/.test(name)) this.context.queries.mayWait();
    return UNKNOWN;
  }

  public override escape(): void {
    this.context.queries.mayWait();
  }
}

/** The queries of a session. */
class QueryManager extends Native {
  constructor(private readonly context: SparkContext) {
    super();
  }

  public method(name: string, args: Arguments, at: At): Value {
    if (name === 'awaitAnyTermination' && isForEver(args)) this.context.queries.awaitedAny(at);
    else if (name === 'awaitAnyTermination') this.context.queries.mayWait();
    return UNKNOWN;
  }

  public override attribute(name: string): Value {
    if (name === 'active') this.context.queries.mayWait();
    return UNKNOWN;
  }
}

/** Whether it is waited without a bound of the time. */
function isForEver({ positional, keywords, isOpen }: Arguments): boolean {
  return !isOpen && [...positional, ...keywords.values()].every(({ kind }) => kind === 'none');
}

/** The names that columns and texts give in a select, when all are known. */
function outputNames(
  values: readonly Value[],
  parent: readonly string[] | undefined,
): readonly string[] | undefined {
  const names: string[] = [];
  for (const value of values) {
    if (value.kind === 'list') {
      const inner = value.isOpen ? undefined : outputNames(value.items, parent);
      if (inner === undefined) return undefined;
      names.push(...inner);
      continue;
    }
    const name = value instanceof Column ? value.name : knownText(value);
    if (name === undefined) return undefined;
    if (name === '*') {
      if (parent === undefined) return undefined;
      names.push(...parent);
    } else if (name.endsWith('.*')) return undefined;
    else names.push(name.slice(name.lastIndexOf('.') + 1).replaceAll('`', ''));
  }
  return names;
}

function expressionNames(
  values: readonly Value[],
  parent: readonly string[] | undefined,
): readonly string[] | undefined {
  const names: string[] = [];
  for (const value of values.flatMap(item => (item.kind === 'list' ? item.items : [item]))) {
    const expression = knownText(value)?.trim();
    if (expression === '*') {
      if (parent === undefined) return undefined;
      names.push(...parent);
      continue;
    }
    const name =
      expression === undefined
        ? undefined
        : (/(?:^|\s)as\s+`?(\w+)`?$/i.exec(expression)?.[1] ?? /^`?(\w+)`?$/.exec(expression)?.[1]);
    if (name === undefined) return undefined;
    names.push(name);
  }
  return names;
}

function all(items: readonly (string | undefined)[]): string[] | undefined {
  const known = items.filter(item => item !== undefined);
  return known.length === items.length ? known : undefined;
}
