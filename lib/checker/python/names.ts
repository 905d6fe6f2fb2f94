import type { Argument, Expression, Module, Parameter, Statement, TypeParameter } from './syntax';

export interface UndefinedName {
  readonly name: string;
  readonly offset: number;
}

/** Names that every module has, and builtins of Python 3.8 to 3.14. */
const BUILTINS: ReadonlySet<string> = new Set(
  `__annotations__ __builtins__ __cached__ __debug__ __dict__ __doc__ __file__ __loader__ __name__ __package__ __path__ __spec__ __class__ __module__ __qualname__
  abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex copyright credits delattr dict dir divmod enumerate eval exec exit
  filter float format frozenset getattr globals hasattr hash help hex id input int isinstance issubclass iter len license list locals map max memoryview min next object oct open ord
  pow print property quit range repr reversed round set setattr slice sorted staticmethod str sum super tuple type vars zip Ellipsis False None NotImplemented True
  ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError BrokenPipeError BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError
  ConnectionRefusedError ConnectionResetError DeprecationWarning EOFError EncodingWarning EnvironmentError Exception ExceptionGroup FileExistsError FileNotFoundError FloatingPointError FutureWarning
  GeneratorExit IOError ImportError ImportWarning IndentationError IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError
  NotADirectoryError NotImplementedError OSError OverflowError PendingDeprecationWarning PermissionError ProcessLookupError PythonFinalizationError RecursionError ReferenceError ResourceWarning RuntimeError RuntimeWarning
  StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError SystemExit TabError TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError
  UnicodeTranslateError UnicodeWarning UserWarning ValueError Warning ZeroDivisionError _`.split(/\s+/),
);

/** The names of one block; a class body's are not seen by the functions in it. */
class Names {
  public readonly bound = new Set<string>();

  constructor(
    public readonly parent: Names | undefined,
    public readonly isClass: boolean,
  ) {}

  public knows(name: string): boolean {
    for (
      let scope: Names | undefined = this, isInner = false;
      scope !== undefined;
      scope = scope.parent, isInner = true
    ) {
      if (scope.bound.has(name) && !(isInner && scope.isClass)) return true;
    }
    return BUILTINS.has(name);
  }
}

/** The names of a module, or why they are not all known. */
export interface NameCheck {
  readonly undefined: readonly UndefinedName[];
  /** What brings names that nobody knows: `import *`, exec, globals(). */
  readonly open: { readonly offset: number; readonly what: string } | undefined;
}

/** Names that a module reads and nothing in it ever binds, by Python's scoping; none where it makes names by other means. */
export function checkNames(module: Module): NameCheck {
  const checker = new Checker(module);
  checker.run();
  const { open } = checker;
  return { undefined: open === undefined ? checker.found : [], open };
}

/** What notebooks, shells and Python 2 bring, and nothing else does. */
const OF_PLATFORMS: ReadonlySet<string> = new Set([
  'display',
  'displayHTML',
  'dbutils',
  'get_ipython',
  'spark',
  'sc',
  'sqlContext',
  'unicode',
  'basestring',
  'xrange',
  'raw_input',
  'long',
  'reload',
  'unichr',
]);

class Checker {
  public readonly found: UndefinedName[] = [];
  public open: NameCheck['open'];
  private readonly reported = new Set<string>();
  private readonly globals = new Names(undefined, false);
  private readonly later: (() => void)[] = [];
  private readonly hasLazyAnnotations: boolean;
  /** Depth of try blocks that catch NameError. */
  private guarded = 0;
  /** Depth of try blocks that catch whatever happens. */
  private tolerant = 0;

  constructor(private readonly module: Module) {
    this.hasLazyAnnotations = module.body.some(
      statement =>
        statement.kind === 'from-import' &&
        statement.module === '__future__' &&
        statement.names.some(({ name }) => name === 'annotations'),
    );
  }

  public run(): void {
    this.bind(this.module.body, this.globals, this.globals);
    this.block(this.module.body, this.globals);
    // Functions run when the whole module is there.
    for (let next = this.later.shift(); next !== undefined; next = this.later.shift()) next();
  }

  /** What a block binds, inner blocks of statements included, inner functions and classes by their names only. */
  private bind(statements: readonly Statement[], scope: Names, globals: Names): void {
    const outward = new Set<string>();
    const walk = (list: readonly Statement[]): void => {
      for (const statement of list) {
        for (const expression of expressionsOf(statement)) this.bindNamed(expression, scope);
        switch (statement.kind) {
          case 'scope':
            for (const name of statement.names) {
              outward.add(name);
              globals.bound.add(name);
            }
            break;
          case 'function':
          case 'class':
          case 'type-alias':
            scope.bound.add(statement.name);
            break;
          case 'assign':
            for (const target of statement.targets) this.bindTarget(target, scope);
            break;
          case 'update':
            this.bindTarget(statement.target, scope);
            break;
          case 'import':
            for (const { name, as } of statement.names)
              scope.bound.add(as === name ? (name.split('.')[0] ?? name) : as);
            break;
          case 'from-import':
            if (statement.isStar)
              this.open ??= {
                offset: statement.from,
                what: `import * from ${statement.module === '' ? 'the package itself' : statement.module}`,
              };
            for (const { as } of statement.names) scope.bound.add(as);
            break;
          case 'for':
            this.bindTarget(statement.target, scope);
            walk(statement.body);
            walk(statement.orElse);
            break;
          case 'while':
            walk(statement.body);
            walk(statement.orElse);
            break;
          case 'with':
            for (const { target } of statement.items)
              if (target !== undefined) this.bindTarget(target, scope);
            walk(statement.body);
            break;
          case 'if':
            for (const { body } of statement.branches) walk(body);
            walk(statement.orElse);
            break;
          case 'try':
            walk(statement.body);
            for (const { name, body } of statement.handlers) {
              if (name !== undefined) scope.bound.add(name);
              walk(body);
            }
            walk(statement.orElse);
            walk(statement.final);
            break;
          case 'match':
            for (const { captures, body } of statement.cases) {
              for (const name of captures) scope.bound.add(name);
              walk(body);
            }
            break;
        }
      }
    };
    walk(statements);
  }

  private bindTarget(target: Expression, scope: Names): void {
    if (target.kind === 'name') scope.bound.add(target.id);
    else if (target.kind === 'tuple' || target.kind === 'list')
      for (const item of target.items) this.bindTarget(item, scope);
    else if (target.kind === 'star') this.bindTarget(target.value, scope);
  }

  /** `:=` binds in the block around it. */
  private bindNamed(expression: Expression, scope: Names): void {
    if (expression.kind === 'named') scope.bound.add(expression.target);
    if (expression.kind === 'lambda') return;
    for (const child of childrenOf(expression)) this.bindNamed(child, scope);
  }

  private block(statements: readonly Statement[], scope: Names): void {
    for (const statement of statements) this.statement(statement, scope);
  }

  private statement(statement: Statement, scope: Names): void {
    switch (statement.kind) {
      case 'function': {
        for (const decorator of statement.decorators) this.read(decorator, scope);
        this.function(statement.parameters, statement.typeParameters, statement.returns, scope, inner => {
          this.bind(statement.body, inner, this.globals);
          this.block(statement.body, inner);
        });
        return;
      }
      case 'class': {
        for (const decorator of statement.decorators) this.read(decorator, scope);
        const inner = new Names(scope, true);
        this.typeParameters(statement.typeParameters, inner);
        for (const { value } of statement.bases)
          this.read(value, statement.typeParameters.length > 0 ? inner : scope);
        this.bind(statement.body, inner, this.globals);
        this.block(statement.body, inner);
        return;
      }
      case 'type-alias': {
        const inner = new Names(scope, false);
        this.typeParameters(statement.typeParameters, inner);
        this.later.push(() => this.read(statement.value, inner));
        return;
      }
      case 'assign':
        if (statement.value !== undefined) this.read(statement.value, scope);
        for (const target of statement.targets) if (target.kind !== 'name') this.read(target, scope);
        // Annotations of local variables are not evaluated.
        if (statement.annotation !== undefined && (scope === this.globals || scope.isClass))
          this.annotation(statement.annotation, scope);
        return;
      case 'for':
        this.read(statement.iterable, scope);
        if (statement.target.kind !== 'name') this.readTarget(statement.target, scope);
        this.block(statement.body, scope);
        this.block(statement.orElse, scope);
        return;
      case 'with':
        for (const { value, target } of statement.items) {
          this.read(value, scope);
          if (target !== undefined) this.readTarget(target, scope);
        }
        this.block(statement.body, scope);
        return;
      case 'try': {
        const caught = statement.handlers.map(({ type }) => (type === undefined ? '' : namesIn(type)));
        const expects = caught.some(names => /\bNameError\b/.test(names));
        const isBroad = caught.some(names => names === '' || /\b(Base)?Exception\b/.test(names));
        if (expects) this.guarded += 1;
        if (isBroad) this.tolerant += 1;
        this.block(statement.body, scope);
        if (expects) this.guarded -= 1;
        if (isBroad) this.tolerant -= 1;
        for (const { type, body } of statement.handlers) {
          if (type !== undefined) this.read(type, scope);
          this.block(body, scope);
        }
        this.block(statement.orElse, scope);
        this.block(statement.final, scope);
        return;
      }
      case 'if':
        for (const { test, body } of statement.branches) {
          this.read(test, scope);
          this.block(body, scope);
        }
        this.block(statement.orElse, scope);
        return;
      case 'while':
        this.read(statement.test, scope);
        this.block(statement.body, scope);
        this.block(statement.orElse, scope);
        return;
      case 'match':
        this.read(statement.subject, scope);
        for (const { reads, guard, body } of statement.cases) {
          for (const item of reads) this.read(item, scope);
          if (guard !== undefined) this.read(guard, scope);
          this.block(body, scope);
        }
        return;
      default:
        for (const expression of expressionsOf(statement)) this.read(expression, scope);
    }
  }

  /** Bounds and defaults are evaluated when somebody asks for them. */
  private typeParameters(parameters: readonly TypeParameter[], inner: Names): void {
    for (const { name } of parameters) inner.bound.add(name);
    for (const { reads } of parameters)
      for (const item of reads) this.later.push(() => this.read(item, inner));
  }

  private readTarget(target: Expression, scope: Names): void {
    if (target.kind === 'tuple' || target.kind === 'list')
      for (const item of target.items) this.readTarget(item, scope);
    else if (target.kind !== 'name') this.read(target, scope);
  }

  private annotation(node: Expression, scope: Names): void {
    if (!this.hasLazyAnnotations) this.read(node, scope);
  }

  private function(
    parameters: readonly Parameter[],
    typeParameters: readonly TypeParameter[],
    returns: Expression | undefined,
    scope: Names,
    body: (inner: Names) => void,
  ): void {
    const inner = new Names(scope, false);
    this.typeParameters(typeParameters, inner);
    const outer = typeParameters.length > 0 ? inner : scope;
    for (const { name, annotation, defaultValue } of parameters) {
      if (defaultValue !== undefined) this.read(defaultValue, scope);
      if (annotation !== undefined) this.annotation(annotation, outer);
      inner.bound.add(name);
    }
    if (returns !== undefined) this.annotation(returns, outer);
    const { guarded, tolerant } = this;
    this.later.push(() => {
      Object.assign(this, { guarded, tolerant });
      body(inner);
      Object.assign(this, { guarded: 0, tolerant: 0 });
    });
  }

  /** Whether a program finds out by trying whether the platform or the Python that it runs on has a name. */
  private isTried(name: string): boolean {
    return this.tolerant > 0 && OF_PLATFORMS.has(name);
  }

  private read(node: Expression, scope: Names): void {
    switch (node.kind) {
      case 'name':
        if (
          this.guarded === 0 &&
          !this.isTried(node.id) &&
          !scope.knows(node.id) &&
          !this.reported.has(node.id)
        ) {
          this.reported.add(node.id);
          this.found.push({ name: node.id, offset: node.from });
        }
        return;
      case 'lambda':
        this.function(node.parameters, [], undefined, scope, inner => this.read(node.body, inner));
        return;
      case 'comprehension': {
        const inner = new Names(scope, false);
        for (const [index, clause] of node.clauses.entries()) {
          if (clause.kind === 'for') {
            this.read(clause.iterable, index === 0 ? scope : inner);
            this.bindTarget(clause.target, inner);
          } else this.read(clause.test, inner);
        }
        // A class body's names are seen by the first iterable only; allowing them everywhere costs no false alarm.
        if (scope.isClass) for (const name of scope.bound) inner.bound.add(name);
        for (const element of node.elements) this.read(element, inner);
        return;
      }
      case 'call':
        if (
          node.callee.kind === 'name' &&
          ['exec', 'eval', 'globals', 'locals', 'vars', '__import__'].includes(node.callee.id)
        )
          this.open ??= { offset: node.from, what: `${node.callee.id}()` };
        break;
      case 'attribute':
        if (node.name === '__dict__' || node.name === '__builtins__')
          this.open ??= { offset: node.from, what: node.name };
        break;
    }
    for (const child of childrenOf(node)) this.read(child, scope);
  }
}

function values(args: readonly Argument[]): Expression[] {
  return args.map(({ value }) => value);
}

/** The expressions inside of an expression. */
export function childrenOf(node: Expression): readonly Expression[] {
  switch (node.kind) {
    case 'string':
      return node.parts.filter(part => typeof part !== 'string');
    case 'attribute':
    case 'star':
    case 'await':
    case 'yield':
    case 'named':
      return [node.value];
    case 'subscript':
      return [node.value, ...node.items];
    case 'call':
      return [node.callee, ...values(node.args)];
    case 'operation':
      return node.operands;
    case 'conditional':
      return [node.test, node.body, node.orElse];
    case 'list':
    case 'tuple':
    case 'set':
      return node.items;
    case 'dict':
      return node.entries.flatMap(({ key, value }) => (key === undefined ? [value] : [key, value]));
    case 'comprehension':
      return [
        ...node.clauses.map(clause => (clause.kind === 'for' ? clause.iterable : clause.test)),
        ...node.elements,
      ];
    case 'lambda':
      return [node.body];
    case 'unknown':
      return node.children;
    case 'name':
    case 'number':
    case 'constant':
      return [];
  }
}

/** The expressions that stand in a statement itself. */
export function expressionsOf(statement: Statement): readonly Expression[] {
  switch (statement.kind) {
    case 'assign':
      return [...statement.targets, ...(statement.value === undefined ? [] : [statement.value])];
    case 'update':
      return [statement.target, statement.value];
    case 'expression':
      return [statement.value];
    case 'return':
      return statement.value === undefined ? [] : [statement.value];
    case 'raise':
    case 'assert':
      return statement.values;
    case 'delete':
      return statement.targets;
    case 'if':
      return statement.branches.map(({ test }) => test);
    case 'while':
      return [statement.test];
    case 'for':
      return [statement.iterable, statement.target];
    case 'with':
      return statement.items.flatMap(({ value, target }) =>
        target === undefined ? [value] : [value, target],
      );
    case 'match':
      return [
        statement.subject,
        ...statement.cases.flatMap(({ guard, reads }) => (guard === undefined ? reads : [...reads, guard])),
      ];
    default:
      return [];
  }
}

/** The statements inside of a statement. */
export function bodiesOf(statement: Statement): readonly (readonly Statement[])[] {
  switch (statement.kind) {
    case 'function':
    case 'class':
      return [statement.body];
    case 'if':
      return [...statement.branches.map(({ body }) => body), statement.orElse];
    case 'for':
    case 'while':
      return [statement.body, statement.orElse];
    case 'with':
      return [statement.body];
    case 'try':
      return [
        statement.body,
        ...statement.handlers.map(({ body }) => body),
        statement.orElse,
        statement.final,
      ];
    case 'match':
      return statement.cases.map(({ body }) => body);
    default:
      return [];
  }
}

function namesIn(node: Expression): string {
  return node.kind === 'name' ? node.id : childrenOf(node).map(namesIn).join(' ');
}
