import { ArgumentParser, type CommandLine, commandLineWords, converted } from './argparse';
import { ClickHouseClient } from './clickhouse';
import { Column } from './column';
import type { Arm, CodeFacts, DeadFrame, Gap, Insert, Setting, Sink, Source, UnstoredLayer } from './facts';
import { carriedBy, carriedByText } from './lineage';
import { bodiesOf, childrenOf, expressionsOf } from './names';
import { Queries } from './queries';
import { Configuration, Frame, Reader, Session, type SparkContext, Writer } from './spark';
import { insertsIn } from './sql-text';
import { isForeign } from './standard-library';
import type { Argument, Expression, FunctionDefinition, Module, Parameter, Statement } from './syntax';
import {
  type Arguments,
  type At,
  alternatives,
  concatenated,
  type Instance,
  knownText,
  NO_ARGUMENTS,
  NONE,
  type PythonClass,
  type PythonFunction,
  Scope,
  shownText,
  type Text,
  text,
  textOf,
  truth,
  UNKNOWN,
  union,
  type Value,
} from './values';

/** Modules by their dotted names. */
export type Modules = Pick<ReadonlyMap<string, Module>, 'has' | 'get'> & {
  readonly keys: () => Iterable<string>;
};

/** A program: its modules, where it starts, and what it is given. */
export interface Program {
  readonly modules: Modules;
  readonly entry: string;
  /** Words of the command line after the program's name; undefined when nobody knows them. */
  readonly words: readonly string[] | undefined;
  /** An environment variable: its value, null when it is set to something unknown, undefined when it is not set. */
  readonly variable: (name: string) => string | null | undefined;
}

/** Bounds of the work: a program that needs more is followed in part. */
const MAX_STEPS = 1_600_000;
const MAX_CALL_DEPTH = 60;
const MAX_LOOP = 200;

/**
 * Follows a PySpark program through its assignments, calls and branches, without running it, and notes what it
 * reads, writes and forgets. Both sides of a branch count unless the condition is known. Never throws.
 */
export function evaluate(program: Program): CodeFacts {
  return new Evaluator(program).run();
}

/** The first word of sys.argv. */
const PROGRAM: Value = { kind: 'external', path: 'sys.argv[0]' };

/** How a block ended: whether control leaves it, and with which values it returns. */
interface Flow {
  readonly leaves: boolean;
}

const GOES_ON: Flow = { leaves: false };
const LEAVES: Flow = { leaves: true };

/** What the turn of a loop left behind where it did not run to its end. */
interface Turn {
  readonly broken: Map<string, Value>[];
  readonly continued: Map<string, Value>[];
}

interface Activation {
  readonly returns: Value[];
  readonly yields: Value[];
  readonly callee: PythonFunction | undefined;
}

class Evaluator implements SparkContext, CommandLine {
  public readonly frames: Frame[] = [];
  public readonly views = new Map<string, Frame>();
  public isInBatchFunction = false;
  public readonly queries = new Queries(() => this.arms);
  public readonly words: readonly Value[] | undefined;
  private readonly argv: Value | undefined;

  private readonly sources = new Map<string, Source>();
  private readonly sinks = new Map<string, Sink>();
  private readonly inserts = new Map<string, Insert>();
  private readonly definitions = new Map<string, { readonly at: At; readonly sql: string }>();
  private readonly mentioned = new Map<string, Setting>();
  private readonly configuration: { key: string; setting: Setting }[] = [];
  private readonly loaded = new Map<string, Scope>();
  private readonly activations: Activation[] = [];
  private readonly escaped = new Set<Value>();
  private readonly batchActions = new Map<string, { readonly at: At; readonly action: string }>();
  /** Functions that a decorator got to know: it may call them, once all that they use is there. */
  private readonly registered: PythonFunction[] = [];
  /** Variables that the program sets for itself. */
  private readonly environment = new Map<string, Text>();
  /** Texts that the code hands to something that is not followed, and that may name a bucket. */
  private readonly handed = new Set<string>();
  /** The alternatives in which the program is. */
  public arms: readonly Arm[] = [];
  /** The turns of loops in which the program is for sure. */
  public turns: readonly number[] = [];
  private turnsTaken = 0;
  private branches = 0;
  private currentTurn: Turn | undefined;
  private module = '';
  private steps = 0;
  /** Where the statement stands that is followed now. */
  private from = 0;
  private isPartial = false;
  private readonly gaps = new Map<string, Gap>();
  /** First names of modules that are neither among the files nor in every image. */
  private readonly foreign = new Set<string>();
  /** The first call of something of such a module. */
  private foreignCall: Gap | undefined;
  /** The foreign code, or the part of the language, that gets what escapes now; undefined where a dataframe loses nothing. */
  private taker: string | undefined;

  constructor(private readonly program: Program) {
    this.words = program.words === undefined ? undefined : commandLineWords(program.words);
    if (this.words !== undefined)
      this.argv = { kind: 'list', items: [PROGRAM, ...this.words], isOpen: false };
  }

  public get depth(): number {
    return this.activations.length;
  }

  public run(): CodeFacts {
    this.load(this.program.entry, '__main__');
    for (const made of this.registered) this.escape(made);
    return {
      sources: [...this.sources.values()],
      sinks: [...this.sinks.values()],
      deadFrames: this.isPartial ? [] : this.deadFrames(),
      unstoredLayers: this.isPartial ? [] : this.unstoredLayers(),
      queries: this.isPartial ? { late: [], stopped: [], unawaited: [] } : this.queries.facts(),
      inserts: [...this.inserts.values()],
      definitions: [...this.definitions.values()],
      conf: this.configuration,
      mentioned: [...this.mentioned.values()],
      handed: this.handed,
      environment: this.environment,
      batchActions: [...this.batchActions.values()],
      // Whether a loop ever ends is not judged.
      goesOn: false,
      isPartial: this.isPartial,
      gaps: [...this.gaps.values()],
      ...(this.foreignCall === undefined ? {} : { foreignCall: this.foreignCall }),
    };
  }

  /** A place in the code is dead when every dataframe that it ever made is. */
  private deadFrames(): DeadFrame[] {
    for (const view of this.views.values()) {
      if (!view.isUsed) view.name ??= [...this.views].find(([, frame]) => frame === view)?.[0];
    }
    const stored = new Set([...this.sinks.values()].flatMap(({ sources }) => sources));
    const places = new Map<string, Frame[]>();
    for (const frame of this.frames) {
      const key = `${frame.at.module}:${frame.at.line}:${frame.name ?? ''}`;
      places.set(key, [...(places.get(key) ?? []), frame]);
    }
    return [...places.values()].flatMap(frames => {
      const [first] = frames;
      if (first === undefined || frames.some(frame => frame.isUsed)) return [];
      // What is made to be shown, under no name, cannot have been meant as a layer.
      const isShown = first.name === undefined && frames.every(frame => frame.isLookedAt);
      if (isShown && first.sources.every(source => stored.has(source))) return [];
      return [{ at: first.at, name: first.name, sources: first.sources, hasIdleWriter: first.hasIdleWriter }];
    });
  }

  /** Incident 1 as it was: the raw layer went on into the next one, and was itself kept nowhere. */
  private unstoredLayers(): UnstoredLayer[] {
    const places = new Map<string, Frame[]>();
    for (const frame of this.frames) {
      const name = [...frame.names].find(item => RAW_LAYER.test(item));
      if (name === undefined || frame.raw === undefined || !frame.isUsed) continue;
      const place = key(frame.at, name);
      places.set(place, [...(places.get(place) ?? []), frame]);
    }
    return [...places.values()].flatMap(frames => {
      const [first] = frames;
      const name = [...(first?.names ?? [])].find(item => RAW_LAYER.test(item));
      if (first === undefined || name === undefined || frames.some(frame => frame.isStored)) return [];
      const stored = this.frames.filter(frame => frame.stores.length > 0 && frame.raw?.size !== 0);
      const below = stored.filter(frame => frames.some(layer => descends(frame, layer)));
      // Another branch of the same records that keeps them, or a place or name that says it is this layer.
      const isKept = stored.some(
        frame =>
          (!below.includes(frame) && frame.sources.some(source => first.sources.includes(source))) ||
          (below.includes(frame) &&
            [...frame.names, ...frame.stores].some(item => /bronze|raw|landing/i.test(item))),
      );
      const isBronze = /bronze/i.test(name);
      const isStoredInPart = this.frames.some(
        frame => frame.stores.length > 0 && frames.some(layer => descends(frame, layer)),
      );
      const isSource = first.parents.length === 0 && !isBronze;
      // What Kafka gave, and no more is known of it, may go ways that are not followed.
      if (isKept || (!isBronze && below.length > 0) || (isSource && !isStoredInPart)) return [];
      return [
        {
          at: first.at,
          name,
          sources: first.sources,
          isLost: below.length === 0,
          isStoredInPart,
          isSource,
        },
      ];
    });
  }

  // What Spark's objects report.

  public source(source: Source): void {
    this.sources.set(
      key(source.at, source.format, source.paths, source.table, source.hasOpenOptions),
      source,
    );
  }

  public sink(sink: Sink): void {
    this.sinks.set(key(sink.at, sink.format, sink.path, sink.table?.name, sink.columns), sink);
  }

  public conf(name: string, setting: Setting): void {
    this.configuration.push({ key: name, setting });
  }

  public batchAction(action: string, at: At): void {
    this.batchActions.set(key(at, action), { at, action });
  }

  public callForBatch(callee: Value, args: Arguments, at: At): void {
    const before = this.isInBatchFunction;
    this.isInBatchFunction = true;
    this.queries.aside(() => this.escape(this.call(callee, args, at)));
    this.isInBatchFunction = before;
  }

  /** A value reaches code that is not followed: what it is used for there is unknown. */
  public escape(value: Value): void {
    if (this.escaped.has(value)) return;
    switch (value.kind) {
      case 'native':
        value.escape();
        if (value instanceof Frame ? this.taker !== undefined : isSpark(value)) this.lose(value);
        return;
      case 'text':
        this.readText(value);
        return;
      case 'union':
        for (const option of value.options) this.escape(option);
        return;
      case 'list':
        this.escaped.add(value);
        for (const item of [...value.items]) this.escape(item);
        return;
      case 'dict':
        this.escaped.add(value);
        for (const item of [...value.entries.values()]) this.escape(item);
        return;
      case 'instance':
        this.escaped.add(value);
        for (const item of [...value.attributes.values()]) this.escape(item);
        return;
      case 'method':
        // A number or name that a session tells is no session: only foreign code may make one of it.
        if (!isSpark(value.receiver)) this.escape(value.receiver);
        else if (this.taker !== undefined) this.lose(value.receiver);
        return;
      case 'function':
        this.escaped.add(value);
        for (const item of value.bound.positional) this.escape(item);
        // Somebody may call it, with what nobody knows.
        this.queries.aside(() =>
          this.call(value, { positional: [], keywords: new Map(), isOpen: true }, this.at(0)),
        );
        return;
    }
  }

  private lose(value: Value): void {
    this.gap(`${spoken(value)} goes to ${this.taker ?? 'something'} that is not followed`);
  }

  private insert(insert: Insert): void {
    this.inserts.set(key(insert.at, insert.table, insert.columns), insert);
  }

  private readText(value: Text): void {
    const at = value.at;
    if (at === undefined) return;
    const whole = value.parts.map(part => part ?? '\0').join('');
    for (const insert of insertsIn(whole))
      this.insert({ ...insert, at: { module: at.module, line: at.line + insert.line } });
    if (DEFINITION.test(whole)) this.definitions.set(whole, { at, sql: whole });
    if (/^s3[an]?:\/\/\S*$/.test(whole)) this.mentioned.set(key(at, whole), { at, value });
  }

  // Modules.

  private load(name: string, shown = name): Scope {
    const done = this.loaded.get(name);
    if (done !== undefined) return done;
    const scope = new Scope(undefined);
    this.loaded.set(name, scope);
    scope.set('__name__', text(shown));
    scope.set('__file__', { kind: 'text', parts: [null] });
    const module = this.program.modules.get(name);
    if (module !== undefined) {
      const before = this.module;
      this.module = name;
      if (module.failure !== undefined) this.isPartial = true;
      this.activations.push({ returns: [], yields: [], callee: undefined });
      this.block(module.body, scope);
      this.activations.pop();
      this.module = before;
    }
    return scope;
  }

  private imported(name: string): Value {
    if (this.program.modules.has(name)) return { kind: 'module', name, scope: this.load(name) };
    const [root = name] = name.split('.');
    if (isForeign(root) && !this.isPackage(root)) this.foreign.add(root);
    return { kind: 'external', path: name };
  }

  /** Whether modules of the job stand in a package of this name. */
  private isPackage(root: string): boolean {
    return [...this.program.modules.keys()].some(name => name.startsWith(`${root}.`));
  }

  /** Of a value of a library the first name of its module, when nobody saw its code. */
  private foreignRoot(value: Value): string | undefined {
    if (value.kind !== 'external') return undefined;
    const [root = ''] = /^\w+/.exec(value.path) ?? [];
    return this.foreign.has(root) ? root : undefined;
  }

  private ofLibrary(path: string): Value {
    return path === 'sys.argv' && this.argv !== undefined ? this.argv : { kind: 'external', path };
  }

  private at(from: number): At {
    return { module: this.module, line: this.program.modules.get(this.module)?.lineOf(from) ?? 0 };
  }

  // Statements.

  private block(statements: readonly Statement[], scope: Scope): Flow {
    for (const statement of statements) {
      if (this.isExhausted()) return LEAVES;
      if (this.statement(statement, scope).leaves) return LEAVES;
    }
    return GOES_ON;
  }

  private isExhausted(): boolean {
    this.steps += 1;
    if (this.steps === MAX_STEPS + 1)
      this.gap(`the program goes on beyond the ${MAX_STEPS} steps that are followed`);
    return this.steps > MAX_STEPS;
  }

  public gap(what: string, from = this.from): void {
    this.isPartial = true;
    const at = this.at(from);
    const id = key(at, what);
    if (!this.gaps.has(id)) this.gaps.set(id, { at, what });
  }

  private statement(statement: Statement, scope: Scope): Flow {
    this.from = statement.from;
    switch (statement.kind) {
      case 'assign': {
        if (statement.value === undefined) return GOES_ON;
        const value = this.expression(statement.value, scope);
        for (const target of statement.targets) this.assign(target, value, scope, statement.from);
        return GOES_ON;
      }
      case 'update': {
        const before = this.expression(statement.target, scope);
        const value = this.expression(statement.value, scope);
        this.assign(
          statement.target,
          this.operation(statement.operator, [before, value], statement.from),
          scope,
          statement.from,
        );
        return GOES_ON;
      }
      case 'expression':
        this.discard(statement.value, this.expression(statement.value, scope), scope);
        return GOES_ON;
      case 'return':
        this.activations[this.activations.length - 1]?.returns.push(
          statement.value === undefined ? NONE : this.expression(statement.value, scope),
        );
        return LEAVES;
      case 'raise':
      case 'assert':
        for (const value of statement.values) this.escape(this.expression(value, scope));
        return statement.kind === 'raise' ? LEAVES : GOES_ON;
      case 'function':
        scope.set(statement.name, this.decorated(statement, scope));
        return GOES_ON;
      case 'class':
        scope.set(statement.name, this.classOf(statement, scope));
        return GOES_ON;
      case 'if': {
        const arms: (() => Flow)[] = [];
        let isDecided = false;
        for (const { test, body } of statement.branches) {
          const result = truth(this.expression(test, scope));
          if (result !== false) arms.push(() => this.block(body, scope));
          if (result === true) {
            isDecided = true;
            break;
          }
        }
        if (!isDecided) arms.push(() => this.block(statement.orElse, scope));
        return this.branch(arms, scope);
      }
      case 'while': {
        this.queries.mayWait();
        const { arms } = this;
        const result = truth(this.expression(statement.test, scope));
        const broken: Map<string, Value>[] = [];
        const turn = () => this.turn(statement.body, scope, broken);
        if (result !== false) {
          this.loosen(statement.body, scope);
          this.branch([turn, ...(result === true ? [] : [() => GOES_ON])], scope);
        }
        const flow = this.block(statement.orElse, scope);
        if (broken.length > 0) this.arms = arms;
        scope.names = joined([...(flow.leaves ? [] : [scope.names]), ...broken], scope.names);
        return flow.leaves && broken.length === 0 ? LEAVES : GOES_ON;
      }
      case 'for':
        return this.loop(statement, scope);
      case 'with':
        for (const { value, target } of statement.items) {
          const managed = entered(this.expression(value, scope));
          if (target !== undefined) this.assign(target, managed, scope, statement.from);
        }
        return this.block(statement.body, scope);
      case 'try': {
        const { turns } = this;
        const flow = this.branch(
          [
            () => {
              this.turns = turns;
              const body = this.block(statement.body, scope);
              return body.leaves ? body : this.block(statement.orElse, scope);
            },
            ...statement.handlers.map(({ name, body }) => () => {
              if (name !== undefined) scope.set(name, UNKNOWN);
              return this.block(body, scope);
            }),
          ],
          scope,
        );
        const final = this.block(statement.final, scope);
        return flow.leaves || final.leaves ? LEAVES : GOES_ON;
      }
      case 'match': {
        this.escape(this.expression(statement.subject, scope));
        return this.branch(
          [
            ...statement.cases.map(({ captures, guard, body }) => () => {
              for (const name of captures) scope.set(name, UNKNOWN);
              if (guard !== undefined) this.expression(guard, scope);
              return this.block(body, scope);
            }),
            () => GOES_ON,
          ],
          scope,
        );
      }
      case 'import':
        for (const { name, as } of statement.names) {
          const [root = name] = name.split('.');
          scope.set(as === name ? root : as, this.imported(as === name ? root : name));
          if (as === name && this.program.modules.has(name)) this.load(name);
        }
        return GOES_ON;
      case 'from-import':
        this.fromImport(statement, scope);
        return GOES_ON;
      case 'scope':
        for (const name of statement.names) scope.outer.add(name);
        return GOES_ON;
      case 'break':
      case 'continue':
        this.currentTurn?.[statement.kind === 'break' ? 'broken' : 'continued'].push(scope.names);
        return LEAVES;
      case 'delete':
      case 'type-alias':
      case 'pass':
        return GOES_ON;
    }
  }

  /** A reader or writer changes itself and returns itself: its name has the new options without an assignment. */
  private discard(node: Expression, value: Value, scope: Scope): void {
    if (!(value instanceof Reader || value instanceof Writer)) return;
    let root = node;
    while (root.kind === 'call' && root.callee.kind === 'attribute') root = root.callee.value;
    if (root.kind !== 'name') return;
    const named = scope.get(root.id);
    if (named instanceof Reader || named instanceof Writer) scope.set(root.id, value);
  }

  private fromImport(statement: Extract<Statement, { kind: 'from-import' }>, scope: Scope): void {
    const { from, module, level, names, isStar } = statement;
    if (this.program.modules.has(module)) {
      const source = this.load(module);
      if (isStar) for (const [name, value] of source.names) if (!name.startsWith('_')) scope.set(name, value);
      for (const { name, as } of names) scope.set(as, source.get(name) ?? this.imported(`${module}.${name}`));
      return;
    }
    if (isStar && (module === 'pyspark.sql.functions' || module === 'pyspark.sql')) {
      // Their names are looked up when they are used.
      scope.set(`*${module}`, { kind: 'external', path: module });
    } else if (isStar) {
      this.gap(
        `import * from ${module === '' ? 'the package itself' : module} brings what no file here defines`,
        from,
      );
    }
    if (level > 0 || isForeign(module)) {
      if (module !== '') this.imported(module);
      for (const { name } of names)
        if (level > 0) this.foreign.add(module === '' ? name : (module.split('.')[0] ?? module));
    }
    for (const { name, as } of names) {
      scope.set(as, module === '' ? this.imported(name) : this.ofLibrary(`${module}.${name}`));
    }
  }

  /** Runs alternatives from one state and joins what they leave behind. */
  private branch(arms: readonly (() => Flow)[], scope: Scope): Flow {
    if (arms.length === 1 && arms[0] !== undefined) return arms[0]();
    const before = scope.names;
    const { arms: outer, turns } = this;
    const branch = this.branches++;
    const after: Map<string, Value>[] = [];
    for (const [index, arm] of arms.entries()) {
      scope.names = new Map(before);
      this.arms = [...outer, { branch, arm: index }];
      // What one side does may be done in one turn alone.
      this.turns = [];
      if (!arm().leaves) after.push(scope.names);
    }
    scope.names = joined(after, before);
    this.turns = turns;
    // Where one arm leaves, what follows belongs to the others.
    this.arms = after.length < arms.length ? [...outer, { branch, arm: arms.length }] : outer;
    return after.length === 0 ? LEAVES : GOES_ON;
  }

  /** Items that are sure to come run the body for sure; others may run it or not. */
  private loop(statement: Extract<Statement, { kind: 'for' }>, scope: Scope): Flow {
    const before = scope.names;
    const iterable = this.expression(statement.iterable, scope);
    const items = this.possibleItems(iterable);
    const isKnown = items !== undefined && items.length <= MAX_LOOP;
    const isSure = isKnown && this.itemsOf(iterable) !== undefined;
    const { arms, turns } = this;
    const broken: Map<string, Value>[] = [];
    if (!isKnown) this.loosen(statement.body, scope);
    let flow = GOES_ON;
    const met = isKnown ? items : [this.elementOf(iterable)];
    // What a later attempt does, the first has done.
    for (const item of isRetry(statement) ? met.slice(0, 1) : met) {
      this.assign(statement.target, item, scope, statement.from);
      if (isSure) this.turns = [...turns, this.turnsTaken++];
      const turn = () => this.turn(statement.body, scope, broken);
      flow = isSure ? turn() : this.branch([turn, () => GOES_ON], scope);
      if (flow.leaves) break;
    }
    this.turns = turns;
    if (!flow.leaves) flow = this.block(statement.orElse, scope);
    // Unlike what returned, what broke off meets the rest again.
    if (broken.length > 0) this.arms = arms;
    const ends = [...(flow.leaves ? [] : [scope.names]), ...broken];
    scope.names = joined(ends, before);
    return ends.length === 0 ? LEAVES : GOES_ON;
  }

  /** Counters and flags that a loop changes are not known in a turn that may be any. */
  private loosen(body: readonly Statement[], scope: Scope): void {
    for (const name of namesSet(body)) {
      const value = scope.names.get(name);
      if (value !== undefined && ['number', 'boolean', 'none'].includes(value.kind))
        scope.names.set(name, union([value, UNKNOWN]));
    }
  }

  /** One turn of a loop: where it went on, and what it left behind where it broke off. */
  private turn(body: readonly Statement[], scope: Scope, broken: Map<string, Value>[]): Flow {
    const { currentTurn, arms } = this;
    const continued: Map<string, Value>[] = [];
    const already = broken.length;
    this.currentTurn = { broken, continued };
    const flow = this.block(body, scope);
    this.currentTurn = currentTurn;
    if (continued.length > 0 && broken.length === already) this.arms = arms;
    const ends = [...(flow.leaves ? [] : [scope.names]), ...continued];
    scope.names = joined(ends, scope.names);
    return ends.length === 0 ? LEAVES : GOES_ON;
  }

  /** The elements of a value, in order, when all are known. */
  private itemsOf(value: Value): readonly Value[] | undefined {
    if (value.kind === 'list') return value.isOpen ? undefined : [...value.items];
    if (value.kind === 'dict')
      return value.isOpen ? undefined : [...value.entries.keys()].map(item => text(item));
    return undefined;
  }

  /** The elements that a loop may meet, of any alternative; undefined when some are unknown. */
  private possibleItems(value: Value): readonly Value[] | undefined {
    if (value.kind === 'list') return value.isOpen ? [...value.items, UNKNOWN] : [...value.items];
    if (value.kind !== 'union') return this.itemsOf(value);
    const lists = value.options.map(option => this.possibleItems(option));
    const known = lists.filter(list => list !== undefined);
    return known.length === lists.length ? known.flat() : undefined;
  }

  private elementOf(value: Value): Value {
    if (value.kind === 'list') return union([...value.items.map(other), ...(value.isOpen ? [UNKNOWN] : [])]);
    if (value.kind === 'union') return union(value.options.map(option => this.elementOf(option)));
    return UNKNOWN;
  }

  /** What a tuple of targets gets: of alternatives, place by place, when each has so many. */
  private unpacked(value: Value, length: number): readonly Value[] | undefined {
    if (value.kind !== 'union') return this.itemsOf(value);
    const lists = value.options.map(option => this.itemsOf(option));
    if (!lists.every(list => list?.length === length)) return undefined;
    return Array.from({ length }, (_, index) => union(lists.map(list => list?.[index] ?? UNKNOWN)));
  }

  private assign(target: Expression, value: Value, scope: Scope, from: number): void {
    switch (target.kind) {
      case 'name':
        for (const option of alternatives(value)) {
          if (option instanceof Frame) option.names.add(target.id);
          if (option instanceof Frame && option.name === undefined) {
            option.name = target.id;
            // A frame that a function made is the caller's: there it is known by this name.
            if (option.depth > this.depth) option.at = this.at(from);
          }
        }
        scope.set(target.id, value);
        return;
      case 'tuple':
      case 'list': {
        const items = this.unpacked(value, target.items.length);
        const star = target.items.findIndex(item => item.kind === 'star');
        for (const [index, item] of target.items.entries()) {
          if (item.kind === 'star') {
            const rest = items?.slice(index, items.length - (target.items.length - 1 - index));
            this.assign(
              item.value,
              rest === undefined ? UNKNOWN : { kind: 'list', items: [...rest], isOpen: false },
              scope,
              from,
            );
          } else {
            const position =
              star >= 0 && index > star && items !== undefined
                ? items.length - (target.items.length - index)
                : index;
            this.assign(item, items?.[position] ?? this.elementOf(value), scope, from);
          }
        }
        return;
      }
      case 'attribute': {
        const owner = this.expression(target.value, scope);
        for (const option of alternatives(value)) if (option instanceof Frame) option.names.add(target.name);
        for (const option of alternatives(owner)) {
          if (option.kind === 'instance') option.attributes.set(target.name, value);
          else if (option.kind === 'class') option.members.set(target.name, value);
          else if (option.kind === 'module') option.scope.set(target.name, value);
          else this.escape(value);
        }
        return;
      }
      case 'subscript': {
        const owner = this.expression(target.value, scope);
        const keyValue = target.items[0] === undefined ? UNKNOWN : this.expression(target.items[0], scope);
        const name = knownText(keyValue);
        for (const option of alternatives(owner)) {
          if (option.kind === 'external' && option.path === 'os.environ' && name !== undefined)
            this.environment.set(name, textOf(value));
          if (option.kind === 'dict' && name !== undefined) option.entries.set(name, value);
          else if (option.kind === 'dict') {
            option.isOpen = true;
            this.escape(value);
          } else if (option.kind === 'list') {
            option.isOpen = true;
            this.escape(value);
          } else this.escape(value);
        }
        return;
      }
      case 'star':
        this.assign(target.value, value, scope, from);
        return;
      default:
        this.escape(value);
    }
  }

  // Functions and classes.

  private functionOf(
    name: string,
    parameters: readonly Parameter[],
    body: PythonFunction['body'],
    scope: Scope,
    isProperty = false,
  ): PythonFunction {
    return {
      kind: 'function',
      name,
      parameters,
      body,
      scope,
      module: this.module,
      bound: NO_ARGUMENTS,
      isProperty,
    };
  }

  private decorated(definition: FunctionDefinition, scope: Scope): Value {
    const names = definition.decorators.map(dottedName);
    for (const decorator of definition.decorators)
      if (decorator.kind === 'call')
        for (const { value } of decorator.args) this.escape(this.expression(value, scope));
    const isProperty = names.some(
      name => name === 'property' || name === 'cached_property' || name === 'functools.cached_property',
    );
    const made = this.functionOf(definition.name, definition.parameters, definition.body, scope, isProperty);
    if (!names.every(name => PLAIN_DECORATORS.test(name))) this.registered.push(made);
    return made;
  }

  private classOf(definition: Extract<Statement, { kind: 'class' }>, scope: Scope): PythonClass {
    const inner = new Scope(scope);
    this.block(definition.body, inner);
    const bases = definition.bases
      .filter(({ name }) => name === undefined)
      .map(({ value }) => this.expression(value, scope));
    const makesFields =
      definition.decorators.some(decorator =>
        /(^|\.)dataclass$|(^|\.)define$|(^|\.)frozen$/.test(dottedName(decorator)),
      ) ||
      definition.bases.some(({ value }) =>
        /(^|\.)(NamedTuple|BaseModel|BaseSettings)$/.test(dottedName(value)),
      );
    const inherited = bases.flatMap(base => (base.kind === 'class' ? (base.fields ?? []) : []));
    const fields = makesFields
      ? [
          ...inherited,
          ...definition.body.flatMap(statement => {
            if (statement.kind !== 'assign' || statement.annotation === undefined) return [];
            const [target] = statement.targets;
            if (target?.kind !== 'name') return [];
            const defaultValue = statement.value === undefined ? undefined : inner.names.get(target.id);
            return [{ name: target.id, ...(defaultValue === undefined ? {} : { defaultValue }) }];
          }),
        ]
      : inherited.length > 0
        ? inherited
        : undefined;
    return { kind: 'class', definition, members: inner.names, bases, fields };
  }

  private member(of: PythonClass, name: string): Value | undefined {
    const own = of.members.get(name);
    if (own !== undefined) return own;
    for (const base of of.bases) {
      const found = base.kind === 'class' ? this.member(base, name) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The foreign module of which a class inherits something. */
  private foreignBase(of: PythonClass): string | undefined {
    for (const base of of.bases) {
      const found = base.kind === 'class' ? this.foreignBase(base) : this.foreignRoot(base);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private isKnownClass(of: PythonClass): boolean {
    return of.bases.every(base =>
      base.kind === 'class'
        ? this.isKnownClass(base)
        : base.kind === 'external' &&
          /(^|\.)(object|ABC|Protocol|NamedTuple|Enum|StrEnum|Generic)$/.test(base.path),
    );
  }

  private instantiate(of: PythonClass, args: Arguments, at: At): Value {
    const foreign = this.foreignBase(of);
    if (foreign !== undefined) this.foreignCall ??= foreignCall(foreign, at);
    if (isMadeOtherwise(of))
      this.gap(`class ${of.definition.name} makes its objects by a metaclass that is not followed`);
    const instance: Instance = {
      kind: 'instance',
      of,
      attributes: new Map(),
      isOpen: !this.isKnownClass(of),
    };
    const initializer = this.member(of, '__init__');
    if (initializer?.kind === 'function') {
      this.call({ ...initializer, bound: { ...NO_ARGUMENTS, positional: [instance] } }, args, at);
      return instance;
    }
    if (of.fields === undefined) {
      for (const value of [...args.positional, ...args.keywords.values()]) this.escape(value);
      return instance;
    }
    for (const [index, { name, defaultValue }] of of.fields.entries()) {
      instance.attributes.set(
        name,
        args.positional[index] ??
          args.keywords.get(name) ??
          (args.isOpen ? UNKNOWN : (defaultValue ?? UNKNOWN)),
      );
    }
    const post = this.member(of, '__post_init__');
    if (post?.kind === 'function')
      this.call({ ...post, bound: { ...NO_ARGUMENTS, positional: [instance] } }, NO_ARGUMENTS, at);
    return instance;
  }

  public call(callee: Value, args: Arguments, at: At): Value {
    if (this.isExhausted()) return UNKNOWN;
    switch (callee.kind) {
      case 'function':
        return this.invoke(callee, args);
      case 'class':
        return this.instantiate(callee, args, at);
      case 'union':
        return union(callee.options.map(option => this.call(option, args, at)));
      case 'method':
        return this.method(callee.receiver, callee.name, args, at);
      case 'external':
        return this.library(callee.path, args, at);
      case 'instance': {
        const called = callee.of === undefined ? undefined : this.member(callee.of, '__call__');
        if (called?.kind === 'function')
          return this.call({ ...called, bound: { ...NO_ARGUMENTS, positional: [callee] } }, args, at);
        this.escapeAll(args, at);
        return UNKNOWN;
      }
      case 'native':
        return callee.method('__call__', args, at);
      default:
        this.escapeAll(args, at);
        return UNKNOWN;
    }
  }

  /** Arguments reach code that is not followed. A function among them is called with those after it, as threads do. */
  private escapeAll(args: Arguments, at: At): void {
    const [first, ...rest] = args.positional;
    for (const option of first === undefined ? [] : alternatives(first)) {
      if (option.kind === 'function' || option.kind === 'method')
        this.queries.aside(() =>
          this.escape(this.call(option, { ...args, positional: rest, isOpen: true }, at)),
        );
    }
    this.handOn(args);
    for (const value of [...args.positional, ...args.keywords.values()]) {
      if (value.kind === 'text' && value.at === undefined) this.escape({ ...value, at });
      else if (
        value !== first ||
        (value.kind !== 'function' && !(value.kind === 'method' && !isSpark(value.receiver)))
      )
        this.escape(value);
    }
  }

  /** A client of an object store gets the bucket and the key as two texts, or the bucket by its name. */
  private handOn({ positional, keywords }: Arguments, isBucket = false): void {
    const words = positional.filter(value => value.kind === 'text');
    const named = [...keywords].filter(([name, value]) => value.kind === 'text' && /bucket/i.test(name));
    const all = [...(isBucket || words.length > 1 ? words : []), ...named.map(([, value]) => value)];
    for (const value of all) this.handed.add(knownText(value) ?? '');
  }

  private invoke(callee: PythonFunction, args: Arguments): Value {
    const isRecursive =
      this.activations.filter(activation => activation.callee?.body === callee.body).length > 1;
    if (isRecursive || this.activations.length > MAX_CALL_DEPTH) {
      // The body has them already: a session is not lost there.
      for (const value of [...args.positional, ...args.keywords.values()])
        if (!isSpark(value)) this.escape(value);
      if (this.activations.length > MAX_CALL_DEPTH)
        this.gap(`calls go on beyond the ${MAX_CALL_DEPTH} levels that are followed`);
      return UNKNOWN;
    }
    return this.handingTo(undefined, () => this.follow(callee, args));
  }

  private follow(callee: PythonFunction, args: Arguments): Value {
    const scope = new Scope(callee.scope);
    this.bind(callee, args, scope);
    const moduleBefore = this.module;
    const armsBefore = this.arms;
    this.module = callee.module;
    const activation: Activation = { returns: [], yields: [], callee };
    this.activations.push(activation);
    let result: Value;
    if (Array.isArray(callee.body)) {
      const flow = this.block(callee.body as readonly Statement[], scope);
      result = activation.yields.some(isSpark)
        ? { kind: 'list', items: activation.yields, isOpen: true }
        : union(flow.leaves ? activation.returns : [...activation.returns, NONE]);
    } else result = this.expression(callee.body as Expression, scope);
    this.activations.pop();
    this.module = moduleBefore;
    this.arms = armsBefore;
    return result;
  }

  private bind(callee: PythonFunction, args: Arguments, scope: Scope): void {
    const positional = [...callee.bound.positional, ...args.positional];
    const keywords = new Map([...callee.bound.keywords, ...args.keywords]);
    const isOpen = args.isOpen || callee.bound.isOpen;
    let index = 0;
    for (const parameter of callee.parameters) {
      if (parameter.star === '*') {
        scope.set(parameter.name, { kind: 'list', items: positional.slice(index), isOpen });
        index = positional.length;
      } else if (parameter.star === '**') {
        scope.set(parameter.name, { kind: 'dict', entries: new Map(keywords), isOpen });
        keywords.clear();
      } else {
        const given = parameter.isKeywordOnly ? undefined : positional[index];
        if (given !== undefined) index += 1;
        const named = keywords.get(parameter.name);
        keywords.delete(parameter.name);
        const fallback =
          parameter.defaultValue === undefined || (isOpen && given === undefined && named === undefined)
            ? UNKNOWN
            : this.inModule(callee, () =>
                this.expression(parameter.defaultValue as Expression, callee.scope),
              );
        scope.set(parameter.name, given ?? named ?? fallback);
      }
    }
    for (const value of [...positional.slice(index), ...keywords.values()]) this.escape(value);
  }

  private inModule<T>(callee: PythonFunction, action: () => T): T {
    const before = this.module;
    this.module = callee.module;
    const result = action();
    this.module = before;
    return result;
  }

  // Expressions.

  private expression(node: Expression, scope: Scope): Value {
    if (this.isExhausted()) return UNKNOWN;
    switch (node.kind) {
      case 'name':
        return scope.get(node.id) ?? this.builtin(node.id, scope);
      case 'string': {
        const at = this.at(node.from);
        const pieces = node.parts.map(part =>
          typeof part === 'string' ? text(part) : textOf(this.formatted(part, scope)),
        );
        return pieces.length === 0 ? text('', at) : concatenated(pieces, at);
      }
      case 'number':
        return { kind: 'number', value: node.value };
      case 'constant':
        return node.value === null ? NONE : { kind: 'boolean', value: node.value };
      case 'attribute':
        return this.attribute(this.expression(node.value, scope), node.name, this.at(node.from));
      case 'subscript':
        return this.subscript(node, scope);
      case 'call':
        return this.callExpression(node, scope);
      case 'operation':
        return this.operationOf(node, scope);
      case 'conditional': {
        const result = truth(this.expression(node.test, scope));
        if (result !== undefined) return this.expression(result ? node.body : node.orElse, scope);
        return union([this.expression(node.body, scope), this.expression(node.orElse, scope)]);
      }
      case 'lambda':
        return this.functionOf('<lambda>', node.parameters, node.body, scope);
      case 'list':
      case 'tuple':
      case 'set':
        return this.listOf(node.items, scope);
      case 'dict':
        return this.dictOf(node.entries, scope);
      case 'comprehension':
        return this.comprehension(node, scope);
      case 'named': {
        const value = this.expression(node.value, scope);
        scope.set(node.target, value);
        return value;
      }
      case 'await':
        return this.expression(node.value, scope);
      case 'yield': {
        const value = this.expression(node.value, scope);
        this.activations[this.activations.length - 1]?.yields.push(value);
        if (!isSpark(value)) this.escape(value);
        return UNKNOWN;
      }
      case 'star':
        return this.elementOf(this.expression(node.value, scope));
      case 'unknown':
        for (const child of node.children) this.escape(this.expression(child, scope));
        return UNKNOWN;
    }
  }

  private formatted(part: Expression, scope: Scope): Value {
    const value = this.expression(part, scope);
    const known = alternatives(value);
    return known.length === 1 ? value : UNKNOWN;
  }

  private builtin(name: string, scope: Scope): Value {
    for (const module of ['pyspark.sql.functions', 'pyspark.sql']) {
      if (scope.get(`*${module}`) !== undefined && /^[a-z_]/.test(name) && !BUILTINS.has(name))
        return { kind: 'external', path: `${module}.${name}` };
      if (scope.get('*pyspark.sql') !== undefined && name === 'SparkSession')
        return { kind: 'external', path: 'pyspark.sql.SparkSession' };
    }
    return { kind: 'external', path: name };
  }

  private listOf(items: readonly Expression[], scope: Scope): Value {
    const result: Value[] = [];
    let isOpen = false;
    for (const item of items) {
      if (item.kind !== 'star') result.push(this.expression(item, scope));
      else {
        const spread = this.itemsOf(this.expression(item.value, scope));
        if (spread === undefined) isOpen = true;
        else result.push(...spread);
      }
    }
    return { kind: 'list', items: result, isOpen };
  }

  private dictOf(
    pairs: readonly { readonly key?: Expression; readonly value: Expression }[],
    scope: Scope,
  ): Value {
    const entries = new Map<string, Value>();
    let isOpen = false;
    for (const { key: keyNode, value: valueNode } of pairs) {
      const value = this.expression(valueNode, scope);
      const name = keyNode === undefined ? undefined : knownText(this.expression(keyNode, scope));
      if (name !== undefined) entries.set(name, value);
      else {
        if (keyNode === undefined && value.kind === 'dict')
          for (const [inner, item] of value.entries) entries.set(inner, item);
        if (keyNode !== undefined || value.kind !== 'dict' || value.isOpen) isOpen = true;
        if (keyNode !== undefined) entries.set(`\0${entries.size}`, value);
      }
    }
    return { kind: 'dict', entries, isOpen };
  }

  private comprehension(node: Extract<Expression, { kind: 'comprehension' }>, scope: Scope): Value {
    const inner = new Scope(scope);
    const items: Value[] = [];
    const entries = new Map<string, Value>();
    let isOpen = false;
    const walk = (index: number): void => {
      if (this.isExhausted()) return;
      const clause = node.clauses[index];
      if (clause === undefined) {
        const values = node.elements.map(element => this.expression(element, inner));
        if (node.of !== 'dict') items.push(values[0] ?? UNKNOWN);
        else {
          const name = knownText(values[0]);
          if (name === undefined) isOpen = true;
          entries.set(name ?? `\0${entries.size}`, values[1] ?? UNKNOWN);
        }
        return;
      }
      if (clause.kind === 'if') {
        const result = truth(this.expression(clause.test, inner));
        if (result === undefined) isOpen = true;
        if (result !== false) walk(index + 1);
        return;
      }
      const iterable = this.expression(clause.iterable, inner);
      const known = this.possibleItems(iterable);
      if (iterable.kind === 'union' || (iterable.kind === 'list' && iterable.isOpen)) isOpen = true;
      if (known === undefined || known.length > MAX_LOOP) {
        isOpen = true;
        this.assign(clause.target, this.elementOf(iterable), inner, node.from);
        walk(index + 1);
      } else {
        for (const item of known) {
          this.assign(clause.target, item, inner, node.from);
          walk(index + 1);
        }
      }
    };
    walk(0);
    return node.of === 'dict' ? { kind: 'dict', entries, isOpen } : { kind: 'list', items, isOpen };
  }

  private subscript(node: Extract<Expression, { kind: 'subscript' }>, scope: Scope): Value {
    const owner = this.expression(node.value, scope);
    if (node.bounds !== undefined) {
      const bounds = node.bounds.map(bound => (bound === undefined ? NONE : this.expression(bound, scope)));
      if (owner.kind === 'list') return sliced(owner, bounds);
      return owner.kind === 'text' ? { ...owner, parts: [null] } : UNKNOWN;
    }
    const keys = node.items.map(item => this.expression(item, scope));
    const [first = UNKNOWN] = keys;
    return union(alternatives(owner).map(option => this.item(option, first)));
  }

  private item(owner: Value, index: Value): Value {
    const name = knownText(index);
    if (owner instanceof Frame) return new Column(name);
    if (owner.kind === 'external') {
      if (owner.path === 'os.environ' && name !== undefined) return this.variable(name) ?? UNKNOWN;
      return UNKNOWN;
    }
    if (owner.kind === 'dict') {
      const found = name === undefined ? undefined : owner.entries.get(name);
      if (found !== undefined) return found;
      return name === undefined
        ? union([...owner.entries.values(), ...(owner.isOpen ? [UNKNOWN] : [])])
        : UNKNOWN;
    }
    if (owner.kind === 'list') {
      if (index.kind === 'number' && !owner.isOpen)
        return owner.items[index.value < 0 ? owner.items.length + index.value : index.value] ?? UNKNOWN;
      return this.elementOf(owner);
    }
    return UNKNOWN;
  }

  private operationOf(node: Extract<Expression, { kind: 'operation' }>, scope: Scope): Value {
    const { operator, operands } = node;
    if (operator === 'and' || operator === 'or') {
      const results: Value[] = [];
      for (const operand of operands) {
        const value = this.expression(operand, scope);
        const result = truth(value);
        if (result === (operator === 'or')) return union([...results, value]);
        if (operand === operands[operands.length - 1]) return union([...results, value]);
        if (result === undefined) results.push(value);
      }
      return UNKNOWN;
    }
    return this.operation(
      operator,
      operands.map(operand => this.expression(operand, scope)),
      node.from,
    );
  }

  private operation(operator: string, values: readonly Value[], from: number): Value {
    const [left = UNKNOWN, right] = values;
    if (values.some(value => value instanceof Column)) return new Column(undefined);
    if (right === undefined) {
      if (operator === 'not') {
        const result = truth(left);
        return result === undefined ? UNKNOWN : { kind: 'boolean', value: !result };
      }
      return operator === '-' && left.kind === 'number' ? { kind: 'number', value: -left.value } : UNKNOWN;
    }
    const isTruth = compared(operator, left, right);
    if (isTruth !== undefined) return { kind: 'boolean', value: isTruth };
    if (left.kind === 'number' && right.kind === 'number')
      return arithmetic(operator, left.value, right.value);
    if (operator === '+' && (left.kind === 'text' || right.kind === 'text')) {
      return alternatives(left).length > 1 || alternatives(right).length > 1
        ? concatenated(
            [left.kind === 'text' ? left : textOf(UNKNOWN), right.kind === 'text' ? right : textOf(UNKNOWN)],
            this.at(from),
          )
        : concatenated([textOf(left), textOf(right)]);
    }
    if (operator === '+' && left.kind === 'list' && right.kind === 'list') {
      return { kind: 'list', items: [...left.items, ...right.items], isOpen: left.isOpen || right.isOpen };
    }
    if (operator === '|' && left.kind === 'dict' && right.kind === 'dict') {
      return {
        kind: 'dict',
        entries: new Map([...left.entries, ...right.entries]),
        isOpen: left.isOpen || right.isOpen,
      };
    }
    if (operator === '%' && left.kind === 'text') {
      const values = right.kind === 'list' ? right.items : [right];
      return substituted(left, /%(?:\((\w+)\))?[-#0 +]*\d*(?:\.\d+)?[sdrif]/, (index, name) =>
        name === undefined ? values[index] : right.kind === 'dict' ? right.entries.get(name) : undefined,
      );
    }
    if (operator === '/' && (left.kind === 'text' || right.kind === 'text')) return UNKNOWN;
    for (const value of values) this.escape(value);
    return UNKNOWN;
  }

  // Calls.

  private callExpression(node: Extract<Expression, { kind: 'call' }>, scope: Scope): Value {
    const { callee } = node;
    const at = this.at(node.from);
    if (callee.kind === 'name' && scope.get(callee.id) === undefined) {
      if (callee.id === 'super') {
        const self = scope.get('self') ?? this.selfOf(scope);
        return self === undefined ? UNKNOWN : { kind: 'method', receiver: self, name: 'super' };
      }
      if (callee.id === 'globals' || callee.id === 'locals' || callee.id === 'vars') {
        if (node.args.length === 0) {
          for (const value of scope.names.values()) if (!isSpark(value)) this.escape(value);
          return UNKNOWN;
        }
      }
      if (callee.id === 'exec' || callee.id === 'eval')
        this.gap(`${callee.id}() runs a text that is not followed`, node.from);
    }
    const args = this.arguments(node.args, scope);
    if (callee.kind === 'attribute') {
      if (/bucket/i.test(callee.name)) this.handOn(args, true);
      const receiver = this.expression(callee.value, scope);
      return union(
        alternatives(receiver).map(option => this.method(option, callee.name, args, this.at(callee.from))),
      );
    }
    return this.call(this.expression(callee, scope), args, at);
  }

  private selfOf(scope: Scope): Value | undefined {
    return [...scope.names.values()].find(value => value.kind === 'instance');
  }

  private arguments(nodes: readonly Argument[], scope: Scope): Arguments {
    const positional: Value[] = [];
    const keywords = new Map<string, Value>();
    let isOpen = false;
    for (const { name, star, value: node } of nodes) {
      const value = this.expression(node, scope);
      if (star === undefined && name === undefined) positional.push(value);
      else if (name !== undefined) keywords.set(name, value);
      else if (star === '*') {
        const items = this.itemsOf(value);
        if (items === undefined) {
          isOpen = true;
          this.escape(value);
        } else positional.push(...items);
      } else if (value.kind === 'dict') {
        for (const [key, item] of value.entries) if (!key.startsWith('\0')) keywords.set(key, item);
        if (value.isOpen) isOpen = true;
      } else {
        isOpen = true;
        this.escape(value);
      }
    }
    return { positional, keywords, isOpen };
  }

  private attribute(owner: Value, name: string, at: At): Value {
    switch (owner.kind) {
      case 'union':
        return union(owner.options.map(option => this.attribute(option, name, at)));
      case 'native': {
        if (isSpark(owner) && BY_PY4J.test(name)) this.gapByJava(name);
        const value = owner.attribute(name, at);
        return value.kind === 'unknown' ? { kind: 'method', receiver: owner, name } : value;
      }
      case 'module':
        return owner.scope.names.get(name) ?? this.imported(`${owner.name}.${name}`);
      case 'external': {
        const path = `${owner.path}.${name}`;
        const stream = this.foreignRoot(owner) === undefined ? undefined : this.streamOf(name);
        if (stream !== undefined) return stream;
        if (path.endsWith('SparkSession.builder')) return new Configuration(this, true);
        if (this.program.modules.has(path)) return { kind: 'module', name: path, scope: this.load(path) };
        return this.ofLibrary(path);
      }
      case 'instance': {
        const own = owner.attributes.get(name);
        if (own !== undefined) return own;
        const member = owner.of === undefined ? undefined : this.member(owner.of, name);
        if (member?.kind === 'function') {
          const bound = {
            ...member,
            bound: {
              ...NO_ARGUMENTS,
              positional: isStatic(owner.of, name)
                ? []
                : [isClassMethod(owner.of, name) && owner.of !== undefined ? owner.of : owner],
            },
          };
          return member.isProperty ? this.call(bound, NO_ARGUMENTS, at) : bound;
        }
        if (member !== undefined) return member;
        const delegate = owner.of === undefined ? undefined : this.member(owner.of, '__getattr__');
        if (delegate?.kind === 'function')
          return this.call(
            { ...delegate, bound: { ...NO_ARGUMENTS, positional: [owner] } },
            { ...NO_ARGUMENTS, positional: [text(name)] },
            at,
          );
        return (owner.isOpen ? this.streamOf(name) : undefined) ?? UNKNOWN;
      }
      case 'class': {
        const member = this.member(owner, name);
        if (member?.kind === 'function' && isClassMethod(owner, name))
          return { ...member, bound: { ...NO_ARGUMENTS, positional: [owner] } };
        return member ?? UNKNOWN;
      }
      case 'unknown':
        return this.streamOf(name) ?? { kind: 'method', receiver: owner, name };
      default:
        return { kind: 'method', receiver: owner, name };
    }
  }

  /** Nothing else has a property of these names: a session or dataframe that came from code that is not followed. */
  private streamOf(name: string): Value | undefined {
    if (name === 'readStream') return new Session(this).attribute(name);
    return name === 'writeStream' ? new Writer(this, undefined, true) : undefined;
  }

  private method(receiver: Value, name: string, args: Arguments, at: At): Value {
    switch (receiver.kind) {
      case 'native': {
        const attribute = receiver instanceof Frame ? UNKNOWN : receiver.attribute(name, at);
        if (attribute.kind !== 'unknown' && !(receiver instanceof Column))
          return this.call(attribute, args, at);
        const result = receiver.method(name, args, at);
        if (result.kind === 'unknown' && !(receiver instanceof Frame)) this.escapeAll(args, at);
        return result;
      }
      case 'text':
        return this.textMethod(receiver, name, args, at);
      case 'list':
        return this.listMethod(receiver, name, args, at);
      case 'dict':
        return this.dictMethod(receiver, name, args, at);
      case 'method':
        if (receiver.name === 'super' && receiver.receiver.kind === 'instance') {
          const instance = receiver.receiver;
          const base = instance.of?.bases
            .map(item => (item.kind === 'class' ? this.member(item, name) : undefined))
            .find(item => item !== undefined);
          if (base?.kind === 'function')
            return this.call({ ...base, bound: { ...NO_ARGUMENTS, positional: [instance] } }, args, at);
        }
        this.escapeAll(args, at);
        return UNKNOWN;
      case 'unknown':
      case 'none':
      case 'boolean':
      case 'number':
        if (JAVA_STREAM.test(name)) this.gapByJava(name);
        if (WAITS.test(name)) this.queries.mayWait();
        this.escapeAll(args, at);
        return UNKNOWN;
      case 'union':
        return union(receiver.options.map(option => this.method(option, name, args, at)));
      default: {
        const attribute = this.attribute(receiver, name, at);
        if (attribute.kind === 'method' && attribute.receiver === receiver) {
          this.escapeAll(args, at);
          return UNKNOWN;
        }
        return this.call(attribute, args, at);
      }
    }
  }

  private gapByJava(name: string): void {
    this.gap(`${name} reaches Spark through py4j, where it is not followed`);
  }

  private textMethod(receiver: Text, name: string, args: Arguments, at: At): Value {
    const known = knownText(receiver);
    const [first, second] = args.positional;
    const kept = (value: string): Text => ({ ...receiver, parts: [value] });
    switch (name) {
      case 'encode':
      case 'decode':
      case '__str__':
      case 'expandtabs':
        return receiver;
      case 'strip':
      case 'lstrip':
      case 'rstrip': {
        const characters = first === undefined || first.kind === 'none' ? ' \t\n\r' : knownText(first);
        if (characters === undefined) return UNKNOWN;
        const parts = [...receiver.parts];
        const strip = (part: string | null | undefined, isStart: boolean) => {
          if (typeof part !== 'string') return part;
          let start = 0;
          let end = part.length;
          if (isStart) while (start < end && characters.includes(part.charAt(start))) start += 1;
          else while (end > start && characters.includes(part.charAt(end - 1))) end -= 1;
          return part.slice(start, end);
        };
        if (name !== 'rstrip') parts[0] = strip(parts[0], true) ?? null;
        if (name !== 'lstrip') parts[parts.length - 1] = strip(parts[parts.length - 1], false) ?? null;
        return { ...receiver, parts };
      }
      case 'lower':
      case 'upper':
        return {
          ...receiver,
          parts: receiver.parts.map(part =>
            part === null ? null : name === 'lower' ? part.toLowerCase() : part.toUpperCase(),
          ),
        };
      case 'format':
        return substituted(receiver, /\{(?:(\w*))(?:[!:][^{}]*)?\}/, (index, field) =>
          field === undefined || field === ''
            ? args.positional[index]
            : /^\d+$/.test(field)
              ? args.positional[Number(field)]
              : args.keywords.get(field),
        );
      case 'join': {
        const items = first === undefined ? undefined : this.itemsOf(first);
        if (items === undefined || items.length === 0)
          return items === undefined ? { ...receiver, parts: [null], at } : kept('');
        return concatenated(
          items.flatMap((item, index) =>
            index === 0 ? [textOf(item)] : [{ kind: 'text', parts: receiver.parts }, textOf(item)],
          ),
          at,
        );
      }
      case 'replace': {
        const from = knownText(first);
        if (from === undefined || from === '') return { ...receiver, parts: [null] };
        const word = new RegExp(from.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
        // One of several leaves a gap as well: texts with many of them would be more than can be followed.
        return { ...receiver, parts: substituted(receiver, word, () => second).parts };
      }
      case 'split':
      case 'rsplit':
      case 'splitlines': {
        const separator = name === 'splitlines' ? '\n' : knownText(first);
        if (known === undefined || (first !== undefined && separator === undefined) || separator === '')
          return { kind: 'list', items: [], isOpen: true };
        const pieces = separator === undefined ? known.trim().split(/\s+/) : known.split(separator);
        const limit = second?.kind === 'number' ? second.value : undefined;
        if (limit !== undefined && pieces.length > limit + 1) {
          const joined =
            name === 'rsplit'
              ? [
                  pieces.slice(0, pieces.length - limit).join(separator),
                  ...pieces.slice(pieces.length - limit),
                ]
              : [...pieces.slice(0, limit), pieces.slice(limit).join(separator)];
          return { kind: 'list', items: joined.map(kept), isOpen: false };
        }
        return { kind: 'list', items: pieces.map(kept), isOpen: false };
      }
      case 'partition':
      case 'rpartition': {
        const separator = knownText(first);
        if (known === undefined || separator === undefined)
          return { kind: 'list', items: [UNKNOWN, UNKNOWN, UNKNOWN], isOpen: false };
        const index = name === 'partition' ? known.indexOf(separator) : known.lastIndexOf(separator);
        const pieces =
          index < 0
            ? name === 'partition'
              ? [known, '', '']
              : ['', '', known]
            : [known.slice(0, index), separator, known.slice(index + separator.length)];
        return { kind: 'list', items: pieces.map(kept), isOpen: false };
      }
      case 'startswith':
      case 'endswith': {
        const piece = knownText(first);
        if (known === undefined || piece === undefined) return UNKNOWN;
        return {
          kind: 'boolean',
          value: name === 'startswith' ? known.startsWith(piece) : known.endsWith(piece),
        };
      }
      case 'removesuffix':
      case 'removeprefix': {
        const piece = knownText(first);
        if (known === undefined || piece === undefined) return { ...receiver, parts: [null] };
        if (name === 'removesuffix')
          return kept(known.endsWith(piece) ? known.slice(0, known.length - piece.length) : known);
        return kept(known.startsWith(piece) ? known.slice(piece.length) : known);
      }
      default:
        this.escapeAll(args, at);
        return UNKNOWN;
    }
  }

  private listMethod(
    receiver: Extract<Value, { kind: 'list' }>,
    name: string,
    args: Arguments,
    at: At,
  ): Value {
    const [first = UNKNOWN, second] = args.positional;
    switch (name) {
      case 'append':
      case 'add':
        receiver.items.push(first);
        return NONE;
      case 'insert':
        receiver.items.push(second ?? UNKNOWN);
        return NONE;
      case 'extend':
      case 'update': {
        const items = this.itemsOf(first);
        if (items === undefined) {
          receiver.isOpen = true;
          this.escape(first);
        } else receiver.items.push(...items);
        return NONE;
      }
      case 'pop': {
        const popped = this.elementOf(receiver);
        receiver.isOpen = true;
        return popped;
      }
      case 'copy':
        return { kind: 'list', items: [...receiver.items], isOpen: receiver.isOpen };
      case 'sort':
      case 'reverse':
      case 'clear':
      case 'remove':
        receiver.isOpen = true;
        return NONE;
      case 'index': {
        const index = receiver.items.findIndex(
          item => compared('==', item, first) ?? item.kind === 'unknown',
        );
        return receiver.items[index]?.kind === 'text' ? { kind: 'number', value: index } : UNKNOWN;
      }
      case 'count':
        return UNKNOWN;
      default:
        this.escapeAll(args, at);
        this.escape(receiver);
        return UNKNOWN;
    }
  }

  private dictMethod(
    receiver: Extract<Value, { kind: 'dict' }>,
    name: string,
    args: Arguments,
    at: At,
  ): Value {
    const [first = UNKNOWN, second = NONE] = args.positional;
    const keyName = knownText(first);
    switch (name) {
      case 'get':
      case 'pop':
      case 'setdefault': {
        const found = keyName === undefined ? undefined : receiver.entries.get(keyName);
        if (found !== undefined) return found;
        if (keyName === undefined) return union([...receiver.entries.values(), second]);
        return receiver.isOpen ? UNKNOWN : second;
      }
      case 'items':
        return {
          kind: 'list',
          items: [...receiver.entries].map(
            ([item, value]): Value => ({
              kind: 'list',
              items: [item.startsWith('\0') ? UNKNOWN : text(item), value],
              isOpen: false,
            }),
          ),
          isOpen: receiver.isOpen,
        };
      case 'keys':
        return {
          kind: 'list',
          items: [...receiver.entries.keys()].map(item => (item.startsWith('\0') ? UNKNOWN : text(item))),
          isOpen: receiver.isOpen,
        };
      case 'values':
        return { kind: 'list', items: [...receiver.entries.values()], isOpen: receiver.isOpen };
      case 'copy':
        return { kind: 'dict', entries: new Map(receiver.entries), isOpen: receiver.isOpen };
      case 'update': {
        if (first.kind === 'dict')
          for (const [item, value] of first.entries) receiver.entries.set(item, value);
        if (first.kind !== 'dict' || first.isOpen) receiver.isOpen ||= args.positional.length > 0;
        for (const [item, value] of args.keywords) receiver.entries.set(item, value);
        return NONE;
      }
      default:
        this.escapeAll(args, at);
        this.escape(receiver);
        return UNKNOWN;
    }
  }

  /** An environment variable as the pod has it; undefined when it is not set. */
  private variable(name: string): Value | undefined {
    const own = this.environment.get(name);
    if (own !== undefined) return own;
    const value = this.program.variable(name);
    if (value === undefined) return undefined;
    return value === null ? { kind: 'text', parts: [null] } : text(value, undefined, { variable: name });
  }

  /** Functions of libraries whose meaning is known; whatever reaches another one escapes. */
  private library(path: string, args: Arguments, at: At): Value {
    const [first = UNKNOWN, second] = args.positional;
    if (WAITS.test(path.slice(path.lastIndexOf('.') + 1)) && !/path\.join$/.test(path))
      this.queries.mayWait();
    if (path === 'os.getenv' || path === 'os.environ.get') {
      const name = knownText(first);
      return (
        (name === undefined ? undefined : this.variable(name)) ??
        second ??
        args.keywords.get('default') ??
        NONE
      );
    }
    if (path === 'os.path.join' || path === 'posixpath.join') return this.joinedPath(args, at);
    if (/^clickhouse_connect\.(driver\.)?(get_client|create_client)$/.test(path))
      return new ClickHouseClient(insert => this.insert(insert), knownText(args.keywords.get('database')));
    if (path === 'argparse.ArgumentParser' || path === 'ArgumentParser')
      return new ArgumentParser(this, args);
    if (/(^|\.)SparkSession\.getActiveSession$|(^|\.)SparkSession\.active$/.test(path))
      return new Session(this);
    if (/(^|\.)SparkSession$|(^|\.)SQLContext$/.test(path) && /^pyspark/.test(path)) return new Session(this);
    if (/^pyspark\.streaming\.(\w+\.)?StreamingContext/.test(path))
      this.gap('StreamingContext makes streams of RDDs, which are not followed');
    if (path === 'importlib.import_module' || path === '__import__') {
      const name = knownText(first);
      if (name !== undefined && !name.startsWith('.')) return this.imported(name);
      this.foreign.add('import_module');
      return { kind: 'external', path: 'import_module()' };
    }
    if (/^runpy\.run_/.test(path)) this.gap('runpy runs a program that is not followed');
    if (STARTS_PROCESS.test(path) && this.wordsOf(args).some(word => PYTHON_PROGRAM.test(word)))
      this.gap(`${path} starts another Python program, which is not followed`);
    if (/(^|\.)SparkConf$/.test(path)) return new Configuration(this, false);
    if (/^(pyspark\.)?(sql\.)?functions\./.test(path) || /^pyspark\.sql\.functions\./.test(path))
      return this.sparkFunction(path.slice(path.lastIndexOf('.') + 1), args, at);
    if (path === 'functools.partial') {
      const [callee, ...bound] = args.positional;
      if (callee?.kind === 'function') {
        return {
          ...callee,
          bound: {
            positional: [...callee.bound.positional, ...bound],
            keywords: new Map([...callee.bound.keywords, ...args.keywords]),
            isOpen: callee.bound.isOpen || args.isOpen,
          },
        };
      }
    }
    if (path === 'threading.Thread' || path === 'multiprocessing.Process') {
      const given = args.keywords.get('args');
      const options = args.keywords.get('kwargs');
      const target = args.keywords.get('target');
      if (target !== undefined) {
        const positional = given === undefined ? [] : this.itemsOf(given);
        this.queries.aside(() =>
          this.escape(
            this.call(
              target,
              {
                positional: positional ?? [],
                keywords: options?.kind === 'dict' ? options.entries : new Map(),
                isOpen: positional === undefined,
              },
              at,
            ),
          ),
        );
        return UNKNOWN;
      }
    }
    if (path === 'dataclasses.field' || path === 'field') {
      const factory = args.keywords.get('default_factory');
      return factory === undefined
        ? (args.keywords.get('default') ?? UNKNOWN)
        : this.call(factory, NO_ARGUMENTS, at);
    }
    if (path === 'map' && second !== undefined) {
      const items = this.itemsOf(second);
      if (items !== undefined)
        return {
          kind: 'list',
          items: items.map(item => this.call(first, { ...NO_ARGUMENTS, positional: [item] }, at)),
          isOpen: false,
        };
    }
    if (path === 'functools.reduce' && second !== undefined) {
      const items = this.itemsOf(second) ?? [this.elementOf(second), this.elementOf(second)];
      const [start = UNKNOWN, ...rest] =
        args.positional.length > 2 ? [args.positional[2] ?? UNKNOWN, ...items] : items;
      return rest.reduce(
        (result: Value, item) => this.call(first, { ...NO_ARGUMENTS, positional: [result, item] }, at),
        start,
      );
    }
    const root = this.foreignRoot({ kind: 'external', path });
    if (root !== undefined) return this.callForeign(root, args, at);
    return this.builtinCall(path, args, at) ?? this.unknownCall(args, at);
  }

  /** What comes of code that nobody saw keeps its name: what it is given later goes to that code as well. */
  private callForeign(root: string, args: Arguments, at: At): Value {
    this.foreignCall ??= foreignCall(root, at);
    this.queries.mayWait();
    this.handingTo(`code of ${root}`, () => this.escapeAll(args, at));
    return { kind: 'external', path: `${root}()` };
  }

  /** The texts among arguments, and in their lists. */
  private wordsOf({ positional }: Arguments): string[] {
    const texts = (value: Value): string[] => {
      if (value.kind === 'list' || value.kind === 'union')
        return (value.kind === 'list' ? value.items : value.options).flatMap(texts);
      return value.kind === 'text' ? [shownText(value)] : [];
    };
    return positional.flatMap(texts);
  }

  private handingTo<T>(taker: string | undefined, action: () => T): T {
    const before = this.taker;
    this.taker = taker;
    const result = action();
    this.taker = before;
    return result;
  }

  private unknownCall(args: Arguments, at: At): Value {
    this.escapeAll(args, at);
    return UNKNOWN;
  }

  private builtinCall(path: string, args: Arguments, at: At): Value | undefined {
    const [first = UNKNOWN, second] = args.positional;
    switch (path) {
      case 'str':
      case 'int':
      case 'float':
      case 'bool':
        return converted(path, first);
      case 'list':
      case 'tuple':
      case 'set':
      case 'frozenset':
      case 'sorted':
      case 'reversed': {
        if (args.positional.length === 0) return { kind: 'list', items: [], isOpen: false };
        const items = this.itemsOf(first);
        if (items !== undefined)
          return {
            kind: 'list',
            items: path === 'reversed' ? [...items].reverse() : [...items],
            isOpen: false,
          };
        return { kind: 'list', items: [this.elementOf(first)], isOpen: true };
      }
      case 'dict': {
        const entries = new Map<string, Value>(first.kind === 'dict' ? first.entries : []);
        const pairs = this.itemsOf(first)?.map(pair => this.itemsOf(pair));
        for (const pair of first.kind === 'dict' ? [] : (pairs ?? [])) {
          const name = knownText(pair?.[0]);
          if (name !== undefined) entries.set(name, pair?.[1] ?? UNKNOWN);
        }
        for (const [name, value] of args.keywords) entries.set(name, value);
        const isKnown =
          first.kind === 'dict'
            ? !first.isOpen
            : pairs?.every(pair => knownText(pair?.[0]) !== undefined) === true;
        return { kind: 'dict', entries, isOpen: args.isOpen || (args.positional.length > 0 && !isKnown) };
      }
      case 'zip': {
        const lists = args.positional.map(value => this.itemsOf(value));
        const known = lists.filter(list => list !== undefined);
        if (known.length !== lists.length)
          return {
            kind: 'list',
            items: [
              { kind: 'list', items: args.positional.map(value => this.elementOf(value)), isOpen: false },
            ],
            isOpen: true,
          };
        const length = Math.min(...known.map(list => list.length));
        return {
          kind: 'list',
          items: Array.from(
            { length },
            (_, index): Value => ({
              kind: 'list',
              items: known.map(list => list[index] ?? UNKNOWN),
              isOpen: false,
            }),
          ),
          isOpen: false,
        };
      }
      case 'enumerate': {
        const items = this.itemsOf(first);
        const pair = (value: Value, index: Value): Value => ({
          kind: 'list',
          items: [index, value],
          isOpen: false,
        });
        if (items === undefined)
          return { kind: 'list', items: [pair(this.elementOf(first), UNKNOWN)], isOpen: true };
        return {
          kind: 'list',
          items: items.map((item, index) => pair(item, { kind: 'number', value: index })),
          isOpen: false,
        };
      }
      case 'vars':
        return first.kind === 'instance'
          ? { kind: 'dict', entries: first.attributes, isOpen: first.isOpen }
          : UNKNOWN;
      case 'getattr': {
        const name = knownText(second);
        if (name === undefined) {
          this.handingTo('getattr of a name', () => this.escape(first));
          return UNKNOWN;
        }
        const value = this.attribute(first, name, at);
        return value.kind === 'unknown' ? (args.positional[2] ?? UNKNOWN) : value;
      }
      case 'setattr': {
        const name = knownText(second);
        if (first.kind === 'instance' && name !== undefined)
          first.attributes.set(name, args.positional[2] ?? UNKNOWN);
        else this.escapeAll(args, at);
        return NONE;
      }
      case 'len': {
        const items = this.itemsOf(first);
        return items === undefined ? UNKNOWN : { kind: 'number', value: items.length };
      }
      case 'isinstance':
      case 'hasattr':
      case 'callable':
      case 'type':
      case 'id':
      case 'print':
      case 'range':
        for (const value of args.positional)
          if (value.kind === 'text' && path === 'print') this.escape(value);
        return UNKNOWN;
      case 'next':
      case 'iter':
        return path === 'next' ? this.elementOf(first) : first;
      default:
        return undefined;
    }
  }

  private joinedPath(args: Arguments, at: At): Value {
    let pieces: Text[] = [];
    for (const value of args.positional.map(textOf)) {
      if (value.parts[0]?.startsWith('/') === true) pieces = [];
      const last = pieces[pieces.length - 1];
      const needsSlash = last !== undefined && last.parts[last.parts.length - 1]?.endsWith('/') !== true;
      pieces.push(...(needsSlash ? [text('/')] : []), value);
    }
    return concatenated(pieces, pieces.find(piece => piece.at !== undefined)?.at ?? at);
  }

  private sparkFunction(name: string, args: Arguments, at: At): Value {
    const [first] = args.positional;
    if (name === 'col' || name === 'column') return new Column(knownText(first));
    if (name === 'expr') {
      const known = knownText(first);
      return new Column(
        /\sas\s+`?(\w+)`?\s*$/i.exec(known ?? '')?.[1],
        known === undefined ? undefined : carriedByText(known),
      );
    }
    if (name === 'broadcast' && first instanceof Frame) return first;
    if (name === 'udf' || name === 'pandas_udf')
      return { kind: 'external', path: 'pyspark.sql.functions.user_defined' };
    for (const value of args.positional)
      if (value.kind === 'function')
        this.call(
          value,
          { positional: [new Column(undefined), new Column(undefined)], keywords: new Map(), isOpen: true },
          at,
        );
    return new Column(undefined, carriedBy(name, args));
  }
}

/** What people call functions that wait for something. */
const WAITS =
  /^(await\w*|join|wait\w*|sleep|pause|sigwait\w*|result|input|acquire|gather|run|run_forever|serve_forever|start_server)$/;

/** Names after which people call the layer of raw records. */
const RAW_LAYER = /(^|_)(bronze|raw)(?=_|\d|[A-Z]|$)|[a-z](Bronze|Raw)(?=_|\d|[A-Z]|$)/;

/** Whether a dataframe is made of another one. */
function descends(frame: Frame, from: Frame): boolean {
  return frame === from || frame.parents.some(parent => descends(parent, from));
}

/** Decorators that leave it to the program to call the function. */
const PLAIN_DECORATORS =
  /(^|\.)(property|cached_property|setter|getter|deleter|staticmethod|classmethod|abstractmethod|override|overload|final|cache|lru_cache|wraps|contextmanager|asynccontextmanager|udf|pandas_udf|singledispatch|retry)$/;

/** The start of a statement that makes or changes a table. */
const DEFINITION = /^\s*(CREATE|ALTER|DROP|RENAME)\s+(OR\s+REPLACE\s+)?(TABLE|VIEW|MATERIALIZED\s+VIEW)\b/i;

const STARTS_PROCESS =
  /^(subprocess\.|os\.(system|popen|exec|spawn|posix_spawn)|asyncio\.create_subprocess_)/;

/** A word of a command line that runs a program of Python. */
const PYTHON_PROGRAM = /\.py(\s|$|["'])|(^|[\s/])spark-submit(\s|$)/;

const BUILTINS: ReadonlySet<string> = new Set([
  'str',
  'int',
  'float',
  'bool',
  'list',
  'dict',
  'set',
  'tuple',
  'print',
  'len',
  'range',
  'open',
  'isinstance',
  'getattr',
  'super',
  'type',
  'zip',
  'enumerate',
  'sorted',
  'map',
  'vars',
]);

function foreignCall(root: string, at: At): Gap {
  return { at, what: `calls ${root}, whose code is not among the files` };
}

/** Whether a call of a class may give something else than an object of it. */
function isMadeOtherwise({ definition, bases }: PythonClass): boolean {
  return (
    definition.bases.some(
      ({ name, value }) =>
        name === 'metaclass' && !/(^|\.)(ABCMeta|EnumMeta|EnumType|type)$/.test(dottedName(value)),
    ) || bases.some(base => base.kind === 'class' && isMadeOtherwise(base))
  );
}

/** The object of the JVM behind one of PySpark. */
const BY_PY4J = /^_j(sparkSession|df|reader|write|wrapped)$/;

/** Properties of PySpark that are methods in Java. */
const JAVA_STREAM = /^(read|write)Stream$/;

/** What `with` gives a name to: of a generator, which contextlib makes a manager, what it yields. */
function entered(manager: Value): Value {
  return manager.kind === 'list' ? union(manager.items) : manager;
}

/** What a program loses its course with, wherever it goes. */
function isSpark(value: Value): boolean {
  return value instanceof Session || value instanceof Reader || value instanceof Writer;
}

function spoken(value: Value): string {
  if (value instanceof Session) return 'a SparkSession';
  if (value instanceof Reader) return 'a reader of Spark';
  return value instanceof Writer ? 'a writer of Spark' : 'a dataframe';
}

function key(...parts: readonly unknown[]): string {
  return JSON.stringify(parts);
}

/** Names after alternatives: a name that only some of them know may be as it was before. */
function joined(states: readonly Map<string, Value>[], before: Map<string, Value>): Map<string, Value> {
  const [only, ...others] = states;
  if (only === undefined) return before;
  if (others.length === 0) return only;
  const result = new Map<string, Value>();
  for (const name of new Set(states.flatMap(state => [...state.keys()]))) {
    const values = states.flatMap(state => state.get(name) ?? []);
    result.set(name, union(values));
  }
  return result;
}

function dottedName(node: Expression): string {
  if (node.kind === 'call') return dottedName(node.callee);
  if (node.kind === 'subscript') return dottedName(node.value);
  if (node.kind === 'attribute') return `${dottedName(node.value)}.${node.name}`;
  return node.kind === 'name' ? node.id : '';
}

function decoratorsOf(of: PythonClass | undefined, name: string): string[] {
  const found = of?.definition.body.find(
    statement => statement.kind === 'function' && statement.name === name,
  );
  if (found?.kind === 'function') return found.decorators.map(dottedName);
  return (of?.bases ?? []).flatMap(base => (base.kind === 'class' ? decoratorsOf(base, name) : []));
}

function isStatic(of: PythonClass | undefined, name: string): boolean {
  return decoratorsOf(of, name).includes('staticmethod');
}

function isClassMethod(of: PythonClass | undefined, name: string): boolean {
  return decoratorsOf(of, name).includes('classmethod');
}

/** The answer of a comparison when both sides are known. */
function compared(operator: string, left: Value, right: Value): boolean | undefined {
  if (operator === 'is' || operator === 'is not') {
    if (right.kind !== 'none') return undefined;
    if (
      left.kind === 'unknown' ||
      left.kind === 'union' ||
      left.kind === 'external' ||
      left.kind === 'method'
    )
      return undefined;
    return (left.kind === 'none') === (operator === 'is');
  }
  const isPlain = (value: Value) => ['text', 'number', 'boolean', 'none'].includes(value.kind);
  if (operator === '==' || operator === '!=') {
    if (left === PROGRAM && knownText(right)?.endsWith('.py') === false) return operator === '!=';
    if (!isPlain(left) || !isPlain(right)) return undefined;
    if (left.kind === 'none' || right.kind === 'none')
      return (left.kind === right.kind) === (operator === '==');
    const [first, second] = [knownText(left), knownText(right)];
    if (first === undefined || second === undefined) return undefined;
    return (left.kind === right.kind && first === second) === (operator === '==');
  }
  if ((operator === 'in' || operator === 'not in') && right.kind === 'list' && !right.isOpen) {
    const items = right.items.filter(item => item !== PROGRAM).map(knownText);
    const wanted = knownText(left);
    const isIn = items.includes(wanted);
    if (wanted === undefined || (!isIn && items.includes(undefined))) return undefined;
    return isIn === (operator === 'in');
  }
  if (left.kind === 'number' && right.kind === 'number') {
    switch (operator) {
      case '<':
        return left.value < right.value;
      case '<=':
        return left.value <= right.value;
      case '>':
        return left.value > right.value;
      case '>=':
        return left.value >= right.value;
    }
  }
  return undefined;
}

function arithmetic(operator: string, left: number, right: number): Value {
  const results: Readonly<Record<string, number>> = {
    '+': left + right,
    '-': left - right,
    '*': left * right,
    '/': left / right,
    '//': Math.floor(left / right),
    '**': left ** right,
    '%': left % right,
  };
  const value = results[operator];
  return value === undefined || !Number.isFinite(value) ? UNKNOWN : { kind: 'number', value };
}

/** An element of a list at a place that is not known: one word of a command line says nothing about another. */
function other(item: Value): Value {
  const isWord =
    item === PROGRAM || (item.kind === 'text' && item.origin !== undefined && 'argument' in item.origin);
  return isWord ? UNKNOWN : item;
}

function sliced(list: Extract<Value, { kind: 'list' }>, bounds: readonly Value[]): Value {
  const [start, end, step = 1] = bounds.map(bound => {
    if (bound.kind === 'number') return bound.value;
    return bound.kind === 'none' ? undefined : Number.NaN;
  });
  if (list.isOpen || [start, end, step].includes(Number.NaN) || step < 1)
    return { kind: 'list', items: list.items.map(other), isOpen: true };
  const items = list.items.slice(start, end).filter((_, index) => index % step === 0);
  return { kind: 'list', items, isOpen: false };
}

/** The names that statements set, outside of functions of their own. */
function namesSet(statements: readonly Statement[]): Set<string> {
  const names = new Set<string>();
  const target = (node: Expression): void => {
    if (node.kind === 'name') names.add(node.id);
    if (node.kind === 'tuple' || node.kind === 'list') for (const item of node.items) target(item);
  };
  const walk = (statement: Statement): void => {
    if (statement.kind === 'assign') for (const node of statement.targets) target(node);
    if (statement.kind === 'update') target(statement.target);
    if (statement.kind === 'function' || statement.kind === 'class') return;
    for (const body of bodiesOf(statement)) for (const inner of body) walk(inner);
  };
  for (const statement of statements) walk(statement);
  return names;
}

/**
 * Whether a loop tries one thing until it succeeds: what it tries ends the loop, and uses neither what the loop goes
 * over nor what the loop sets.
 */
function isRetry({ target, body }: Extract<Statement, { kind: 'for' }>): boolean {
  const [first, ...rest] = body;
  if (first?.kind !== 'try') return false;
  const last = (first.orElse.length > 0 ? first.orElse : first.body).at(-1);
  if (last?.kind !== 'return' && last?.kind !== 'break') return false;
  const tried = [...first.body, ...first.orElse];
  const between = [...first.handlers.flatMap(handler => handler.body), ...first.final, ...rest];
  const changed = new Set([...rootNames(target), ...changedNames(between)]);
  return !readsAny(tried, changed);
}

/** The names through which statements change something: those that they set, and those whose parts they set. */
function changedNames(statements: readonly Statement[]): string[] {
  return statements.flatMap(statement => [
    ...(statement.kind === 'assign' ? statement.targets.flatMap(rootNames) : []),
    ...(statement.kind === 'update' || statement.kind === 'for' ? rootNames(statement.target) : []),
    ...bodiesOf(statement).flatMap(changedNames),
  ]);
}

function rootNames(target: Expression): string[] {
  if (target.kind === 'name') return [target.id];
  return childrenOf(target).flatMap(rootNames);
}

function readsAny(statements: readonly Statement[], names: ReadonlySet<string>): boolean {
  const reads = (node: Expression): boolean =>
    node.kind === 'name' ? names.has(node.id) : childrenOf(node).some(reads);
  return statements.some(
    statement =>
      expressionsOf(statement).some(reads) || bodiesOf(statement).some(body => readsAny(body, names)),
  );
}

/** A text with its placeholders filled. */
function substituted(
  template: Text,
  placeholder: RegExp,
  value: (index: number, name: string | undefined) => Value | undefined,
): Text {
  const pieces: Text[] = [];
  let count = 0;
  for (const part of template.parts) {
    if (part === null) {
      pieces.push({ kind: 'text', parts: [null] });
      continue;
    }
    let position = 0;
    for (const match of part.matchAll(new RegExp(placeholder.source, 'g'))) {
      pieces.push(text(part.slice(position, match.index)));
      const found = value(count, match[1]);
      count += 1;
      pieces.push(found === undefined ? { kind: 'text', parts: [null] } : textOf(found));
      position = match.index + match[0].length;
    }
    pieces.push(text(part.slice(position)));
  }
  return concatenated(pieces, template.at);
}
