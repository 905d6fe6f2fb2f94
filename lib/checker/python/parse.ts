import { type ExprNode, parse, type StmtNode } from 'py-ast';
import { compileErrorOf } from './compile';
import { refusalOf } from './refusal';
import { respelled } from './respell';
import type {
  Argument,
  ComprehensionClause,
  Expression,
  Module,
  Parameter,
  ReadFailure,
  Statement,
  TypeParameter,
} from './syntax';

type Node<Kind extends ExprNode['nodeType'] | StmtNode['nodeType']> = Extract<
  ExprNode | StmtNode,
  { nodeType: Kind }
>;
type Pattern = Node<'Match'>['cases'][number]['pattern'];
type Comprehension = Node<'ListComp'>['generators'][number];
type Arguments = Node<'Lambda'>['args'];
type TypeParameters = Node<'FunctionDef'>['type_params'];

/** Nesting beyond which a file is left unread; CPython's own parser stops at 200 parentheses. */
const MAX_DEPTH = 400;

/**
 * Reads a file of Python 3. Never throws: what is not read is empty, with the reason, and where the grammar refuses a
 * text, or takes one that Python may refuse, a second grammar says whether Python does.
 */
export function parsePython(source: string): Module {
  const text = source.replace(/^\uFEFF/, '').replace(/^[ \t]*\f+/gm, '');
  try {
    const { module, isDoubtful } = read(text);
    const refusal = isDoubtful || hasMixedIndentation(text) ? refusalOf(text) : undefined;
    return refusal === undefined ? module : unread(text, { ...refusal, isRefusedByPython: true });
  } catch (error) {
    const refusal = refusalOf(text);
    return refusal === undefined
      ? readOtherwise(text, error)
      : unread(text, { ...refusal, isRefusedByPython: true });
  }
}

/** Throws what the grammar has to say. */
function read(text: string): { readonly module: Module; readonly isDoubtful: boolean } {
  const lines = new Lines(text);
  const reader = new Reader(text, lines);
  const nodes = parse(text.replaceAll('\f', ' ')).body;
  const body = reader.block(nodes);
  const { isDoubtful } = reader;
  const error = compileErrorOf(nodes);
  if (error !== undefined) return { module: unread(text, { ...error, isRefusedByPython: true }), isDoubtful };
  return { module: { body, lineOf: lines.lineOf }, isDoubtful };
}

/** So many lines of a file are spelled otherwise at most. */
const MAX_RESPELLED = 50;

/** A text that Python takes and the grammar does not: with the lines at which it ends in another spelling it may. */
function readOtherwise(text: string, error: unknown): Module {
  const gap = gapOf(error);
  const lines = text.split('\n');
  for (let next = gap, left = MAX_RESPELLED; left > 0; left -= 1) {
    const line = lines[next.line] ?? '';
    const other = respelled(line);
    if (other === line) break;
    lines[next.line] = other;
    try {
      return read(lines.join('\n')).module;
    } catch (further) {
      next = gapOf(further);
    }
  }
  return unread(text, gap);
}

function unread(text: string, failure: ReadFailure): Module {
  return { body: [], failure, lineOf: new Lines(text).lineOf };
}

/** What the grammar says about a text that Python takes. */
function gapOf(error: unknown): ReadFailure {
  const said = error instanceof Error ? error.message : String(error);
  const [whole = '', line = '1'] = / at line (\d+)(?:, column \d+)?/.exec(said) ?? [];
  return {
    isRefusedByPython: false,
    line: Number(line) - 1,
    message: error instanceof RangeError ? 'it is nested too deeply' : said.replace(whole, ''),
  };
}

function hasMixedIndentation(text: string): boolean {
  return /^ *\t/m.test(text) && /^\t* /m.test(text);
}

/** Lines of a text, and offsets in it: the grammar counts columns in bytes of UTF-8. */
class Lines {
  private readonly starts = [0];
  private readonly isAscii: boolean;

  constructor(private readonly text: string) {
    for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1))
      this.starts.push(index + 1);
    this.isAscii = !/[^\0-\x7f]/.test(text);
  }

  public offset(line: number | undefined, column: number | undefined): number {
    const start = this.starts[(line ?? 1) - 1] ?? this.text.length;
    if (this.isAscii) return start + (column ?? 0);
    let offset = start;
    for (let bytes = 0; bytes < (column ?? 0) && offset < this.text.length; ) {
      const code = this.text.codePointAt(offset) ?? 0;
      bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      offset += code < 0x10000 ? 1 : 2;
    }
    return offset;
  }

  /** Line, from 0, of an offset. */
  public readonly lineOf = (offset: number): number => {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  };
}

/** One literal of several that stand side by side. */
const LITERAL = /([a-z]*)("""|'''|"|')((?:\\[\s\S]|(?!\2)[\s\S])*)\2/gi;

/** Escape sequences one after another; those that break off have a group. */
const ESCAPE =
  /\\(?:(x)(?![\da-fA-F]{2})|(u)(?![\da-fA-F]{4})|(U)(?!(?:000[\da-fA-F]|0010)[\da-fA-F]{4})|(N)(?!\{[^}]+\})|[\s\S])/g;

function hasBrokenEscape(literals: string): boolean {
  if (!/\\[xuUN]/.test(literals)) return false;
  return [...literals.matchAll(LITERAL)].some(([, prefix = '', , content = '']) => {
    if (/r/i.test(prefix)) return false;
    // Bytes know `\x` alone.
    const groups = /b/i.test(prefix) ? 1 : 4;
    return [...content.matchAll(ESCAPE)].some(match =>
      match.slice(1, groups + 1).some(group => group !== undefined),
    );
  });
}

/** `010`, which was an octal number in Python 2. */
const LEADING_ZERO = /^0[0_]*[1-9][\d_]*$/;

const OPERATORS = {
  Add: '+',
  Sub: '-',
  Mult: '*',
  MatMult: '@',
  Div: '/',
  Mod: '%',
  Pow: '**',
  LShift: '<<',
  RShift: '>>',
  BitOr: '|',
  BitXor: '^',
  BitAnd: '&',
  FloorDiv: '//',
  Invert: '~',
  Not: 'not',
  UAdd: '+',
  USub: '-',
  Eq: '==',
  NotEq: '!=',
  Lt: '<',
  LtE: '<=',
  Gt: '>',
  GtE: '>=',
  Is: 'is',
  IsNot: 'is not',
  In: 'in',
  NotIn: 'not in',
} as const;

/** Turns the grammar's tree into ours. */
class Reader {
  /** Whether the grammar took something that Python refuses in some forms. */
  public isDoubtful = false;
  private depth = 0;

  constructor(
    private readonly text: string,
    private readonly lines: Lines,
  ) {}

  public block(nodes: readonly StmtNode[]): Statement[] {
    return nodes.map(node => this.deeper(() => this.statement(node)));
  }

  private deeper<T>(action: () => T): T {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw new RangeError();
    const result = action();
    this.depth -= 1;
    return result;
  }

  private from(node: { readonly lineno?: number; readonly col_offset?: number }): number {
    return this.lines.offset(node.lineno, node.col_offset);
  }

  private source(node: ExprNode): string {
    return this.text.slice(this.from(node), this.lines.offset(node.end_lineno, node.end_col_offset));
  }

  private statement(node: StmtNode): Statement {
    const from = this.from(node);
    switch (node.nodeType) {
      case 'FunctionDef':
      case 'AsyncFunctionDef':
        return {
          kind: 'function',
          from,
          name: node.name,
          parameters: this.parameters(node.args),
          typeParameters: this.typeParameters(node.type_params),
          ...(node.returns === undefined ? {} : { returns: this.expression(node.returns) }),
          body: this.block(node.body),
          decorators: this.all(node.decorator_list),
        };
      case 'ClassDef':
        return {
          kind: 'class',
          from,
          name: node.name,
          bases: this.callArguments(node.bases, node.keywords),
          typeParameters: this.typeParameters(node.type_params),
          body: this.block(node.body),
          decorators: this.all(node.decorator_list),
        };
      case 'TypeAlias':
        return {
          kind: 'type-alias',
          from,
          name: node.name.nodeType === 'Name' ? node.name.id : '',
          typeParameters: this.typeParameters(node.type_params),
          value: this.expression(node.value),
        };
      case 'Assign':
        return { kind: 'assign', from, targets: this.all(node.targets), value: this.expression(node.value) };
      case 'AnnAssign':
        return {
          kind: 'assign',
          from,
          targets: [this.expression(node.target)],
          ...(node.value === undefined ? {} : { value: this.expression(node.value) }),
          annotation: this.expression(node.annotation),
        };
      case 'AugAssign':
        return {
          kind: 'update',
          from,
          target: this.expression(node.target),
          operator: OPERATORS[node.op.nodeType],
          value: this.expression(node.value),
        };
      case 'Expr':
        return { kind: 'expression', from, value: this.expression(node.value) };
      case 'Return':
        return {
          kind: 'return',
          from,
          ...(node.value === undefined ? {} : { value: this.expression(node.value) }),
        };
      case 'If':
        return this.ifStatement(node);
      case 'For':
      case 'AsyncFor':
        return {
          kind: 'for',
          from,
          target: this.expression(node.target),
          iterable: this.expression(node.iter),
          body: this.block(node.body),
          orElse: this.block(node.orelse),
        };
      case 'While':
        return {
          kind: 'while',
          from,
          test: this.expression(node.test),
          body: this.block(node.body),
          orElse: this.block(node.orelse),
        };
      case 'With':
      case 'AsyncWith':
        return {
          kind: 'with',
          from,
          items: node.items.map(({ context_expr, optional_vars }) => ({
            value: this.expression(context_expr),
            ...(optional_vars === undefined ? {} : { target: this.expression(optional_vars) }),
          })),
          body: this.block(node.body),
        };
      case 'Try':
      case 'TryStar':
        return {
          kind: 'try',
          from,
          body: this.block(node.body),
          handlers: node.handlers.map(({ type, name, body }) => ({
            ...(type === undefined ? {} : { type: this.expression(type) }),
            ...(name === undefined ? {} : { name }),
            body: this.block(body),
          })),
          orElse: this.block(node.orelse),
          final: this.block(node.finalbody),
        };
      case 'Match':
        return {
          kind: 'match',
          from,
          subject: this.expression(node.subject),
          cases: node.cases.map(({ pattern, guard, body }) => {
            const captures: string[] = [];
            const reads: Expression[] = [];
            this.pattern(pattern, captures, reads);
            return {
              captures,
              reads,
              ...(guard === undefined ? {} : { guard: this.expression(guard) }),
              body: this.block(body),
            };
          }),
        };
      case 'Import':
        return {
          kind: 'import',
          from,
          names: node.names.map(alias => ({
            name: alias.name,
            as: alias.asname ?? alias.name,
            from: this.from(alias),
          })),
        };
      case 'ImportFrom': {
        const names = node.names.filter(({ name }) => name !== '*');
        return {
          kind: 'from-import',
          from,
          module: node.module ?? '',
          level: node.level ?? 0,
          names: names.map(alias => ({
            name: alias.name,
            as: alias.asname ?? alias.name,
            from: this.from(alias),
          })),
          isStar: names.length < node.names.length,
        };
      }
      case 'Global':
      case 'Nonlocal':
        return { kind: 'scope', from, names: node.names };
      case 'Delete':
        return { kind: 'delete', from, targets: this.all(node.targets) };
      case 'Raise':
        return { kind: 'raise', from, values: this.all([node.exc, node.cause]) };
      case 'Assert':
        return { kind: 'assert', from, values: this.all([node.test, node.msg]) };
      case 'Pass':
      case 'Comment':
        return { kind: 'pass', from };
      case 'Break':
        return { kind: 'break', from };
      case 'Continue':
        return { kind: 'continue', from };
    }
  }

  /** `elif` is an `if` alone in the other branch. */
  private ifStatement(node: Node<'If'>): Statement {
    const branches: { test: Expression; body: Statement[] }[] = [];
    let orElse: readonly StmtNode[] = [node];
    for (let [only] = orElse; orElse.length === 1 && only?.nodeType === 'If'; [only] = orElse) {
      branches.push({ test: this.expression(only.test), body: this.block(only.body) });
      orElse = only.orelse;
    }
    return { kind: 'if', from: this.from(node), branches, orElse: this.block(orElse) };
  }

  private pattern(node: Pattern, captures: string[], reads: Expression[]): void {
    switch (node.nodeType) {
      case 'MatchValue':
        reads.push(this.expression(node.value));
        return;
      case 'MatchSingleton':
        return;
      case 'MatchSequence':
      case 'MatchOr':
        for (const inner of node.patterns) this.pattern(inner, captures, reads);
        return;
      case 'MatchMapping':
        reads.push(...this.all(node.keys));
        for (const inner of node.patterns) this.pattern(inner, captures, reads);
        if (node.rest !== undefined) captures.push(node.rest);
        return;
      case 'MatchClass':
        reads.push(this.expression(node.cls));
        for (const inner of [...node.patterns, ...node.kwd_patterns]) this.pattern(inner, captures, reads);
        return;
      case 'MatchStar':
        if (node.name !== undefined) captures.push(node.name);
        return;
      case 'MatchAs':
        if (node.pattern !== undefined) this.pattern(node.pattern, captures, reads);
        if (node.name !== undefined) captures.push(node.name);
        return;
    }
  }

  private typeParameters(nodes: TypeParameters): TypeParameter[] {
    // Since Python 3.13 alone.
    if (nodes.some(node => node.default_value !== undefined)) this.isDoubtful = true;
    return nodes.map(node => ({
      name: node.name,
      reads: this.all([node.nodeType === 'TypeVar' ? node.bound : undefined, node.default_value]),
    }));
  }

  private parameters(node: Arguments): Parameter[] {
    const positional = [...node.posonlyargs, ...node.args];
    const parameter = (
      { arg, annotation, lineno, col_offset }: (typeof positional)[number],
      isKeywordOnly: boolean,
      more: { readonly star?: '*' | '**'; readonly defaultValue?: ExprNode | null | undefined } = {},
    ): Parameter => ({
      name: arg,
      from: this.from({ lineno, col_offset }),
      isKeywordOnly,
      ...(more.star === undefined ? {} : { star: more.star }),
      ...(annotation === undefined ? {} : { annotation: this.expression(annotation) }),
      ...(more.defaultValue == null ? {} : { defaultValue: this.expression(more.defaultValue) }),
    });
    const required = positional.length - node.defaults.length;
    return [
      ...positional.map((arg, index) =>
        parameter(arg, false, { defaultValue: node.defaults[index - required] }),
      ),
      ...(node.vararg === undefined ? [] : [parameter(node.vararg, false, { star: '*' })]),
      ...node.kwonlyargs.map((arg, index) => parameter(arg, true, { defaultValue: node.kw_defaults[index] })),
      ...(node.kwarg === undefined ? [] : [parameter(node.kwarg, false, { star: '**' })]),
    ];
  }

  private callArguments(args: readonly ExprNode[], keywords: Node<'Call'>['keywords']): Argument[] {
    return [
      ...args.map(
        (node): Argument =>
          node.nodeType === 'Starred'
            ? { star: '*', value: this.expression(node.value) }
            : { value: this.expression(node) },
      ),
      ...keywords.map(
        ({ arg, value }): Argument =>
          arg === undefined
            ? { star: '**', value: this.expression(value) }
            : { name: arg, value: this.expression(value) },
      ),
    ];
  }

  private all(nodes: readonly (ExprNode | undefined)[]): Expression[] {
    return nodes.flatMap(node => (node === undefined ? [] : [this.expression(node)]));
  }

  private expression(node: ExprNode): Expression {
    return this.deeper(() => this.expressionOf(node));
  }

  private expressionOf(node: ExprNode): Expression {
    const from = this.from(node);
    switch (node.nodeType) {
      case 'Name':
        // Python takes letters that look alike for one.
        return { kind: 'name', from, id: node.id.normalize('NFKC') };
      case 'Constant':
        return this.constant(node);
      case 'JoinedStr':
      case 'TemplateStr':
        if (node.nodeType === 'TemplateStr' || hasBrokenEscape(this.source(node))) this.isDoubtful = true;
        return { kind: 'string', from, parts: node.values.map(value => this.piece(value)) };
      case 'FormattedValue':
      case 'Interpolation': {
        const { format_spec: spec } = node;
        const value = this.expression(node.value);
        if (node.conversion === -1 && spec === undefined) return value;
        return { kind: 'unknown', from, children: [value, ...this.all([spec])] };
      }
      case 'Attribute':
        return {
          kind: 'attribute',
          // The name's own place: a chain of calls runs over many lines.
          from: this.lines.offset(node.end_lineno, node.end_col_offset) - node.attr.length,
          value: this.expression(node.value),
          name: node.attr,
        };
      case 'Subscript':
        return this.subscript(node);
      case 'Call': {
        const callee = this.expression(node.func);
        return {
          kind: 'call',
          from: callee.from,
          callee,
          args: this.callArguments(node.args, node.keywords),
        };
      }
      case 'BinOp':
        return {
          kind: 'operation',
          from,
          operator: OPERATORS[node.op.nodeType],
          operands: this.all([node.left, node.right]),
        };
      case 'UnaryOp':
        return {
          kind: 'operation',
          from,
          operator: OPERATORS[node.op.nodeType],
          operands: this.all([node.operand]),
        };
      case 'BoolOp':
        return {
          kind: 'operation',
          from,
          operator: node.op.nodeType === 'And' ? 'and' : 'or',
          operands: this.all(node.values),
        };
      case 'Compare':
        return this.comparison(node);
      case 'IfExp':
        return {
          kind: 'conditional',
          from,
          test: this.expression(node.test),
          body: this.expression(node.body),
          orElse: this.expression(node.orelse),
        };
      case 'Lambda':
        return {
          kind: 'lambda',
          from,
          parameters: this.parameters(node.args),
          body: this.expression(node.body),
        };
      case 'List':
      case 'Tuple':
      case 'Set':
        return {
          kind: node.nodeType === 'List' ? 'list' : node.nodeType === 'Tuple' ? 'tuple' : 'set',
          from,
          items: this.all(node.elts),
        };
      case 'Dict':
        return {
          kind: 'dict',
          from,
          entries: node.values.map((value, index) => {
            const key = node.keys[index];
            return {
              ...(key == null ? {} : { key: this.expression(key) }),
              value: this.expression(value),
            };
          }),
        };
      case 'ListComp':
        return this.comprehension(from, 'list', [node.elt], node.generators);
      case 'SetComp':
        return this.comprehension(from, 'set', [node.elt], node.generators);
      case 'GeneratorExp':
        return this.comprehension(from, 'generator', [node.elt], node.generators);
      case 'DictComp':
        return this.comprehension(from, 'dict', [node.key, node.value], node.generators);
      case 'NamedExpr':
        return {
          kind: 'named',
          from,
          target: node.target.nodeType === 'Name' ? node.target.id : '',
          value: this.expression(node.value),
        };
      case 'Starred':
        return { kind: 'star', from, value: this.expression(node.value) };
      case 'Await':
        return { kind: 'await', from, value: this.expression(node.value) };
      case 'Yield':
      case 'YieldFrom':
        return {
          kind: 'yield',
          from,
          value:
            node.value === undefined ? { kind: 'constant', from, value: null } : this.expression(node.value),
        };
      case 'Slice':
        return { kind: 'unknown', from, children: this.all([node.lower, node.upper, node.step]) };
    }
  }

  private constant(node: Node<'Constant'>): Expression {
    const from = this.from(node);
    const value: unknown = node.value;
    if (typeof value === 'boolean' || value === null) return { kind: 'constant', from, value };
    if (typeof value === 'number' || typeof value === 'bigint') {
      if (LEADING_ZERO.test(this.source(node))) this.isDoubtful = true;
      return { kind: 'number', from, value: Number(value) };
    }
    // `...` is the only constant that stands without quotes.
    if (typeof value !== 'string' || node.quote_style === undefined)
      return { kind: 'unknown', from, children: [] };
    if (hasBrokenEscape(this.source(node))) this.isDoubtful = true;
    return { kind: 'string', from, parts: value === '' ? [] : [value] };
  }

  private piece(node: ExprNode): string | Expression {
    return node.nodeType === 'Constant' && typeof node.value === 'string'
      ? node.value
      : this.expression(node);
  }

  private subscript(node: Node<'Subscript'>): Expression {
    const { slice } = node;
    const items = slice.nodeType === 'Tuple' && slice.elts.length > 0 ? slice.elts : [slice];
    const bounds =
      slice.nodeType === 'Slice'
        ? [slice.lower, slice.upper, slice.step].map(bound =>
            bound === undefined ? undefined : this.expression(bound),
          )
        : undefined;
    return {
      kind: 'subscript',
      from: this.from(node),
      value: this.expression(node.value),
      items: this.all(items),
      bounds,
    };
  }

  /** `a < b < c` holds where each pair does. */
  private comparison(node: Node<'Compare'>): Expression {
    const from = this.from(node);
    const operands = this.all([node.left, ...node.comparators]);
    const pairs = node.ops.map(
      ({ nodeType }, index): Expression => ({
        kind: 'operation',
        from: operands[index]?.from ?? from,
        operator: OPERATORS[nodeType],
        operands: operands.slice(index, index + 2),
      }),
    );
    const [first] = pairs;
    return first !== undefined && pairs.length === 1
      ? { ...first, from }
      : { kind: 'operation', from, operator: 'and', operands: pairs };
  }

  private comprehension(
    from: number,
    of: 'list' | 'set' | 'dict' | 'generator',
    elements: readonly ExprNode[],
    generators: readonly Comprehension[],
  ): Expression {
    return {
      kind: 'comprehension',
      from,
      of,
      elements: this.all(elements),
      clauses: generators.flatMap(({ target, iter, ifs }): ComprehensionClause[] => [
        { kind: 'for', target: this.expression(target), iterable: this.expression(iter) },
        ...ifs.map((test): ComprehensionClause => ({ kind: 'if', test: this.expression(test) })),
      ]),
    };
  }
}
