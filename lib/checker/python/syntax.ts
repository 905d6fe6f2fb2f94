import type { SyntaxNode } from '@lezer/common';
import { parser } from '@lezer/python';

/** Offset of the node's first character in the source. */
interface Located {
  readonly from: number;
}

export type Expression = Located &
  (
    | { readonly kind: 'name'; readonly id: string }
    /** Text pieces and the expressions between them, for plain and formatted strings. */
    | { readonly kind: 'string'; readonly parts: readonly (string | Expression)[] }
    | { readonly kind: 'number'; readonly value: number }
    | { readonly kind: 'constant'; readonly value: boolean | null }
    | { readonly kind: 'attribute'; readonly value: Expression; readonly name: string }
    | {
        readonly kind: 'subscript';
        readonly value: Expression;
        readonly items: readonly Expression[];
        /** Of a slice: what stands before, between and behind its colons. */
        readonly bounds: readonly (Expression | undefined)[] | undefined;
      }
    | { readonly kind: 'call'; readonly callee: Expression; readonly args: readonly Argument[] }
    | { readonly kind: 'operation'; readonly operator: string; readonly operands: readonly Expression[] }
    | {
        readonly kind: 'conditional';
        readonly test: Expression;
        readonly body: Expression;
        readonly orElse: Expression;
      }
    | { readonly kind: 'lambda'; readonly parameters: readonly Parameter[]; readonly body: Expression }
    | { readonly kind: 'list' | 'tuple' | 'set'; readonly items: readonly Expression[] }
    | {
        readonly kind: 'dict';
        readonly entries: readonly { readonly key?: Expression; readonly value: Expression }[];
      }
    | {
        readonly kind: 'comprehension';
        readonly of: 'list' | 'set' | 'dict' | 'generator';
        readonly elements: readonly Expression[];
        readonly clauses: readonly ComprehensionClause[];
      }
    | { readonly kind: 'named'; readonly target: string; readonly value: Expression }
    | { readonly kind: 'star' | 'await' | 'yield'; readonly value: Expression }
    /** What is left after a syntax error, or has no meaning here. */
    | { readonly kind: 'unknown'; readonly children: readonly Expression[] }
  );

export interface Argument {
  /** For `name=value`. */
  readonly name?: string;
  readonly star?: '*' | '**';
  readonly value: Expression;
}

export interface Parameter {
  readonly name: string;
  readonly from: number;
  readonly star?: '*' | '**';
  readonly isKeywordOnly: boolean;
  readonly annotation?: Expression;
  readonly defaultValue?: Expression;
}

export type ComprehensionClause =
  | { readonly kind: 'for'; readonly target: Expression; readonly iterable: Expression }
  | { readonly kind: 'if'; readonly test: Expression };

export interface FunctionDefinition extends Located {
  readonly kind: 'function';
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly typeParameters: readonly string[];
  readonly returns?: Expression;
  readonly body: readonly Statement[];
  readonly decorators: readonly Expression[];
}

export interface ClassDefinition extends Located {
  readonly kind: 'class';
  readonly name: string;
  readonly bases: readonly Argument[];
  readonly typeParameters: readonly string[];
  readonly body: readonly Statement[];
  readonly decorators: readonly Expression[];
}

export interface ImportedName extends Located {
  readonly name: string;
  readonly as: string;
}

export type Statement =
  | FunctionDefinition
  | ClassDefinition
  | (Located &
      (
        | {
            readonly kind: 'assign';
            readonly targets: readonly Expression[];
            readonly value?: Expression;
            readonly annotation?: Expression;
          }
        | {
            readonly kind: 'update';
            readonly target: Expression;
            readonly operator: string;
            readonly value: Expression;
          }
        | { readonly kind: 'expression'; readonly value: Expression }
        | { readonly kind: 'return'; readonly value?: Expression }
        | {
            readonly kind: 'if';
            readonly branches: readonly { readonly test: Expression; readonly body: readonly Statement[] }[];
            readonly orElse: readonly Statement[];
          }
        | {
            readonly kind: 'for';
            readonly target: Expression;
            readonly iterable: Expression;
            readonly body: readonly Statement[];
            readonly orElse: readonly Statement[];
          }
        | {
            readonly kind: 'while';
            readonly test: Expression;
            readonly body: readonly Statement[];
            readonly orElse: readonly Statement[];
          }
        | {
            readonly kind: 'with';
            readonly items: readonly { readonly value: Expression; readonly target?: Expression }[];
            readonly body: readonly Statement[];
          }
        | {
            readonly kind: 'try';
            readonly body: readonly Statement[];
            readonly handlers: readonly {
              readonly type?: Expression;
              readonly name?: string;
              readonly body: readonly Statement[];
            }[];
            readonly orElse: readonly Statement[];
            readonly final: readonly Statement[];
          }
        | { readonly kind: 'import'; readonly names: readonly ImportedName[] }
        | {
            readonly kind: 'from-import';
            readonly module: string;
            readonly level: number;
            readonly names: readonly ImportedName[];
            readonly isStar: boolean;
          }
        | { readonly kind: 'scope'; readonly names: readonly string[] }
        | { readonly kind: 'delete'; readonly targets: readonly Expression[] }
        | {
            readonly kind: 'match';
            readonly subject: Expression;
            readonly cases: readonly {
              readonly captures: readonly string[];
              readonly reads: readonly Expression[];
              readonly guard?: Expression;
              readonly body: readonly Statement[];
            }[];
          }
        | {
            readonly kind: 'type-alias';
            readonly name: string;
            readonly typeParameters: readonly string[];
            readonly value: Expression;
          }
        | { readonly kind: 'raise' | 'assert'; readonly values: readonly Expression[] }
        | { readonly kind: 'pass' | 'break' | 'continue' }
      ));

export interface Module {
  readonly body: readonly Statement[];
  /** Whether the grammar met something it does not know: what is read then may be incomplete. */
  readonly hasErrors: boolean;
  /** Line, from 0, of an offset. */
  readonly lineOf: (offset: number) => number;
}

/** Nesting beyond which a program is no program; CPython's own parser stops at 200 as well. */
const MAX_DEPTH = 400;

/** Reads Python 3 with Lezer's grammar. Never throws: a syntax error leaves out what it touches. */
export function parsePython(source: string): Module {
  const lineStarts = [0];
  for (let index = source.indexOf('\n'); index >= 0; index = source.indexOf('\n', index + 1))
    lineStarts.push(index + 1);
  let { body, hasErrors } = read(source, source);
  // The grammar takes `\\{{` in a raw f-string for the start of a replacement; any other character stands for the same.
  const plain = hasErrors ? withoutGroups(source.replace(/\\(?=\{\{)/g, '_')) : source;
  if (plain !== source) ({ body, hasErrors } = read(plain, source));
  return {
    body,
    hasErrors,
    lineOf: offset => {
      let low = 0;
      let high = lineStarts.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if ((lineStarts[middle] ?? 0) <= offset) low = middle;
        else high = middle - 1;
      }
      return low;
    },
  };
}

/** Characters between such parentheses beyond which they are left alone. */
const LONGEST_GROUP = 10_000;

const STRING_OR_COMMENT = /("{3}|'{3})[\s\S]*?\1|(["'])(?:\\[\s\S]|(?!\2)[^\\\n])*\2|#[^\n]*/y;

/** The grammar knows no `with (a as b, c as d):`. The same text without these parentheses, on one line. */
function withoutGroups(source: string): string {
  const characters = source.split('');
  for (const { 0: head, index } of source.matchAll(/^[ \t]*(?:async[ \t]+)?with[ \t]*\(/gm)) {
    const start = index + head.length - 1;
    const blanks = [start];
    let depth = 0;
    let at = start;
    do {
      STRING_OR_COMMENT.lastIndex = at;
      const skipped = STRING_OR_COMMENT.exec(source)?.[0] ?? '';
      if (skipped.startsWith('#')) blanks.push(...Array.from(skipped, (_, offset) => at + offset));
      const character = source[at] ?? '';
      if ('([{'.includes(character)) depth += 1;
      if (')]}'.includes(character)) depth -= 1;
      if (character === '\n') blanks.push(at);
      at += Math.max(skipped.length, 1);
    } while (depth > 0 && at < Math.min(source.length, start + LONGEST_GROUP));
    const inside = source.slice(start + 1, at - 1);
    if (depth > 0 || !/^[ \t]*:/.test(source.slice(at, at + 80)) || !/\sas\s/.test(inside)) continue;
    const comma = /,(?:\s|#[^\n]*)*$/.exec(inside);
    if (comma !== null) blanks.push(start + 1 + comma.index);
    for (const blank of [...blanks, at - 1]) characters[blank] = ' ';
  }
  return characters.join('');
}

/** Parses one text and takes the literals from another of the same length. */
function read(text: string, source: string): Pick<Module, 'body' | 'hasErrors'> {
  const reader = new Reader(source);
  const body = reader.block(parser.parse(text).topNode);
  return { body, hasErrors: reader.hasErrors };
}

class Reader {
  public hasErrors = false;
  private depth = 0;

  constructor(private readonly source: string) {}

  /** The statements inside of a node. */
  public block(node: SyntaxNode): Statement[] {
    return this.children(node).flatMap(child =>
      child.name === 'StatementGroup' ? this.block(child) : this.statement(child),
    );
  }

  private children(node: SyntaxNode): SyntaxNode[] {
    const result: SyntaxNode[] = [];
    for (let child = node.firstChild; child !== null; child = child.nextSibling) {
      if (child.type.isError) this.hasErrors = true;
      else if (child.name !== 'Comment') result.push(child);
    }
    return result;
  }

  private text(node: SyntaxNode): string {
    return this.source.slice(node.from, node.to);
  }

  private statement(node: SyntaxNode): Statement[] {
    this.depth += 1;
    try {
      if (this.depth > MAX_DEPTH) {
        this.hasErrors = true;
        return [];
      }
      return this.statementOf(node);
    } finally {
      this.depth -= 1;
    }
  }

  private statementOf(node: SyntaxNode): Statement[] {
    const { from } = node;
    const children = this.children(node);
    switch (node.name) {
      case 'AssignStatement':
        return this.assignment(from, children);
      case 'UpdateStatement': {
        const at = children.findIndex(child => child.name === 'UpdateOp');
        const operator = children[at];
        if (operator === undefined) return this.remains(children);
        return [
          {
            kind: 'update',
            from,
            target: this.tuple(children.slice(0, at)),
            operator: this.text(operator).slice(0, -1),
            value: this.tuple(children.slice(at + 1)),
          },
        ];
      }
      case 'ExpressionStatement':
        return [{ kind: 'expression', from, value: this.tuple(children) }];
      case 'PrintStatement':
        this.hasErrors = true;
        return this.remains(children);
      case 'ReturnStatement': {
        const values = children.slice(1);
        return [{ kind: 'return', from, ...(values.length === 0 ? {} : { value: this.tuple(values) }) }];
      }
      case 'YieldStatement':
        return [
          {
            kind: 'expression',
            from,
            value: {
              kind: 'yield',
              from,
              value: this.tuple(children.filter(child => !isKeyword(child, 'yield', 'from'))),
            },
          },
        ];
      case 'RaiseStatement':
      case 'AssertStatement':
        return [
          {
            kind: node.name === 'RaiseStatement' ? 'raise' : 'assert',
            from,
            values: this.commaSeparated(
              children.filter(child => !isKeyword(child, 'raise', 'assert', 'from')),
            ),
          },
        ];
      case 'DeleteStatement':
        return [{ kind: 'delete', from, targets: this.commaSeparated(children.slice(1)) }];
      case 'ScopeStatement':
        return [
          {
            kind: 'scope',
            from,
            names: children.filter(child => child.name === 'VariableName').map(child => this.text(child)),
          },
        ];
      case 'ImportStatement':
        return this.importStatement(from, children);
      case 'IfStatement':
        return [this.ifStatement(from, children)];
      case 'WhileStatement': {
        const bodies = children.filter(child => child.name === 'Body');
        return [
          {
            kind: 'while',
            from,
            test: this.tuple(between(children, 'while', 'Body')),
            body: this.bodyOf(bodies[0]),
            orElse: this.bodyOf(bodies[1]),
          },
        ];
      }
      case 'ForStatement': {
        const bodies = children.filter(child => child.name === 'Body');
        return [
          {
            kind: 'for',
            from,
            target: this.tuple(between(children, 'for', 'in')),
            iterable: this.tuple(between(children, 'in', 'Body')),
            body: this.bodyOf(bodies[0]),
            orElse: this.bodyOf(bodies[1]),
          },
        ];
      }
      case 'WithStatement':
        return [this.withStatement(from, children)];
      case 'TryStatement':
        return [this.tryStatement(from, children)];
      case 'MatchStatement':
        return [this.matchStatement(from, children)];
      case 'DecoratedStatement': {
        const decorators = children
          .filter(child => child.name === 'Decorator')
          .map(child => this.decorator(child));
        return children
          .filter(child => child.name !== 'Decorator')
          .flatMap(child => this.statement(child))
          .map(statement =>
            statement.kind === 'function' || statement.kind === 'class'
              ? { ...statement, decorators }
              : statement,
          );
      }
      case 'FunctionDefinition':
        return [this.functionDefinition(from, children)];
      case 'ClassDefinition': {
        const name = children.find(child => child.name === 'VariableName');
        const args = children.find(child => child.name === 'ArgList');
        return [
          {
            kind: 'class',
            from,
            name: name === undefined ? '' : this.text(name),
            bases: args === undefined ? [] : this.callArguments(args),
            typeParameters: this.typeParameters(children),
            body: this.bodyOf(children.find(child => child.name === 'Body')),
            decorators: [],
          },
        ];
      }
      case 'TypeDefinition': {
        const [name, ...rest] = children.filter(
          child => !isKeyword(child, 'type') && child.name !== 'AssignOp',
        );
        return [
          {
            kind: 'type-alias',
            from,
            name: name === undefined ? '' : this.text(name),
            typeParameters: this.typeParameters(children),
            value: this.tuple(rest.filter(child => child.name !== 'TypeParamList')),
          },
        ];
      }
      case 'BreakStatement':
        return [{ kind: 'break', from }];
      case 'ContinueStatement':
        return [{ kind: 'continue', from }];
      case 'PassStatement':
        return [{ kind: 'pass', from }];
      default:
        return node.type.isError || node.name === ';' ? [] : this.remains(children);
    }
  }

  /** Expressions and statements of something that is not understood, so that their names still count. */
  private remains(children: readonly SyntaxNode[]): Statement[] {
    return children.flatMap((child): Statement[] =>
      /Statement|Definition/.test(child.name)
        ? this.statement(child)
        : /Name|Expression|String/.test(child.name)
          ? [{ kind: 'expression', from: child.from, value: this.expression(child) }]
          : [],
    );
  }

  private bodyOf(node: SyntaxNode | undefined): Statement[] {
    return node === undefined ? [] : this.block(node);
  }

  private assignment(from: number, children: readonly SyntaxNode[]): Statement[] {
    const groups: SyntaxNode[][] = [[]];
    let annotation: Expression | undefined;
    for (const child of children) {
      if (child.name === 'AssignOp') groups.push([]);
      else if (child.name === 'TypeDef') annotation = this.typeOf(child);
      else groups[groups.length - 1]?.push(child);
    }
    const typed = annotation === undefined ? {} : { annotation };
    if (groups.length === 1) {
      return [{ kind: 'assign', from, targets: [this.tuple(groups[0] ?? [])], ...typed }];
    }
    return [
      {
        kind: 'assign',
        from,
        targets: groups.slice(0, -1).map(group => this.tuple(group)),
        value: this.tuple(groups[groups.length - 1] ?? []),
        ...typed,
      },
    ];
  }

  private typeOf(node: SyntaxNode): Expression {
    return this.tuple(this.children(node).filter(child => child.name !== ':' && this.text(child) !== '->'));
  }

  private importStatement(from: number, children: readonly SyntaxNode[]): Statement[] {
    const at = children.findIndex(child => isKeyword(child, 'import'));
    const names: ImportedName[] = [];
    let dotted = '';
    let start = from;
    let alias: string | undefined;
    const flush = () => {
      if (dotted !== '') names.push({ name: dotted, as: alias ?? dotted, from: start });
      dotted = '';
      alias = undefined;
    };
    for (const [index, child] of children.slice(at + 1).entries()) {
      const text = this.text(child);
      if (child.name === 'VariableName') {
        if (isKeyword(children[at + index], 'as')) alias = text;
        else {
          if (dotted === '') start = child.from;
          dotted += text;
        }
      } else if (text === '.') dotted += '.';
      else if (text === ',') flush();
    }
    flush();
    if (!isKeyword(children[0], 'from')) return [{ kind: 'import', from, names }];
    const before = children
      .slice(1, at)
      .map(child => this.text(child))
      .join('');
    const level = /^\.*/.exec(before)?.[0].length ?? 0;
    return [
      {
        kind: 'from-import',
        from,
        module: before.slice(level),
        level,
        names,
        isStar: children.slice(at + 1).some(child => this.text(child) === '*'),
      },
    ];
  }

  private ifStatement(from: number, children: readonly SyntaxNode[]): Statement {
    const branches: { test: Expression; body: Statement[] }[] = [];
    let orElse: Statement[] = [];
    let pending: SyntaxNode[] | undefined;
    for (const child of children) {
      if (isKeyword(child, 'if', 'elif')) pending = [];
      else if (isKeyword(child, 'else')) pending = undefined;
      else if (child.name === 'Body') {
        if (pending === undefined) orElse = this.bodyOf(child);
        else branches.push({ test: this.tuple(pending), body: this.bodyOf(child) });
      } else pending?.push(child);
    }
    return { kind: 'if', from, branches, orElse };
  }

  private withStatement(from: number, children: readonly SyntaxNode[]): Statement {
    const items: { value: Expression; target?: Expression }[] = [];
    for (const group of split(
      children.slice(isKeyword(children[0], 'async') ? 2 : 1).filter(child => child.name !== 'Body'),
      ',',
    )) {
      const as = group.findIndex(child => isKeyword(child, 'as'));
      if (as < 0) items.push({ value: this.tuple(group) });
      else items.push({ value: this.tuple(group.slice(0, as)), target: this.tuple(group.slice(as + 1)) });
    }
    return { kind: 'with', from, items, body: this.bodyOf(children.find(child => child.name === 'Body')) };
  }

  private tryStatement(from: number, children: readonly SyntaxNode[]): Statement {
    const handlers: { type?: Expression; name?: string; body: Statement[] }[] = [];
    const parts: Record<string, Statement[]> = {};
    let part = 'try';
    let header: SyntaxNode[] = [];
    for (const child of children) {
      if (isKeyword(child, 'try', 'except', 'else', 'finally')) {
        part = child.name;
        header = [];
      } else if (child.name !== 'Body') {
        if (child.name !== '*') header.push(child);
      } else if (part !== 'except') parts[part] = this.bodyOf(child);
      else {
        const as = header.findIndex(node => isKeyword(node, 'as'));
        const name = as < 0 ? undefined : header[as + 1];
        const type = as < 0 ? header : header.slice(0, as);
        handlers.push({
          ...(type.length === 0 ? {} : { type: this.tuple(type) }),
          ...(name === undefined ? {} : { name: this.text(name) }),
          body: this.bodyOf(child),
        });
      }
    }
    return {
      kind: 'try',
      from,
      body: parts['try'] ?? [],
      handlers,
      orElse: parts['else'] ?? [],
      final: parts['finally'] ?? [],
    };
  }

  private matchStatement(from: number, children: readonly SyntaxNode[]): Statement {
    const body = children.find(child => child.name === 'MatchBody');
    const clauses =
      body === undefined ? [] : this.children(body).filter(child => child.name === 'MatchClause');
    return {
      kind: 'match',
      from,
      subject: this.tuple(between(children, 'match', 'MatchBody')),
      cases: clauses.map(clause => {
        const captures: string[] = [];
        const reads: Expression[] = [];
        let guard: Expression | undefined;
        const parts = this.children(clause);
        for (const child of parts) {
          if (child.name === 'Guard') guard = this.tuple(this.children(child).slice(1));
          else if (child.name !== 'Body' && !isKeyword(child, 'case')) this.pattern(child, captures, reads);
        }
        return {
          captures,
          reads,
          ...(guard === undefined ? {} : { guard }),
          body: this.bodyOf(parts.find(child => child.name === 'Body')),
        };
      }),
    };
  }

  private pattern(node: SyntaxNode, captures: string[], reads: Expression[]): void {
    const children = this.children(node);
    switch (node.name) {
      case 'CapturePattern':
        captures.push(this.text(node));
        return;
      case 'KeywordPattern':
        for (const child of children.slice(1)) this.pattern(child, captures, reads);
        return;
      case 'ClassPattern':
      case 'AsPattern':
        for (const [index, child] of children.entries()) {
          if (child.name === 'VariableName') {
            if (node.name === 'AsPattern') captures.push(this.text(child));
            else if (index === 0) reads.push(this.expression(child));
          } else this.pattern(child, captures, reads);
        }
        return;
      default:
        for (const child of children) this.pattern(child, captures, reads);
    }
  }

  private decorator(node: SyntaxNode): Expression {
    const parts = this.children(node).filter(child => child.name !== 'At');
    let result: Expression | undefined;
    for (const child of parts) {
      if (child.name === 'ArgList') {
        if (result !== undefined)
          result = { kind: 'call', from: result.from, callee: result, args: this.callArguments(child) };
      } else if (child.name === 'VariableName' || child.name === 'PropertyName') {
        result =
          result === undefined
            ? this.expression(child)
            : { kind: 'attribute', from: child.from, value: result, name: this.text(child) };
      } else if (child.name !== '.') result = this.expression(child);
    }
    return result ?? { kind: 'unknown', from: node.from, children: [] };
  }

  private functionDefinition(from: number, children: readonly SyntaxNode[]): FunctionDefinition {
    const name = children.find(child => child.name === 'VariableName');
    const parameters = children.find(child => child.name === 'ParamList');
    const returns = children.find(child => child.name === 'TypeDef');
    return {
      kind: 'function',
      from,
      name: name === undefined ? '' : this.text(name),
      parameters: parameters === undefined ? [] : this.parameters(parameters),
      typeParameters: this.typeParameters(children),
      ...(returns === undefined ? {} : { returns: this.typeOf(returns) }),
      body: this.bodyOf(children.find(child => child.name === 'Body')),
      decorators: [],
    };
  }

  private typeParameters(children: readonly SyntaxNode[]): string[] {
    const list = children.find(child => child.name === 'TypeParamList');
    if (list === undefined) return [];
    return this.children(list).flatMap(child =>
      this.children(child)
        .filter(inner => inner.name === 'VariableName')
        .slice(0, 1)
        .map(inner => this.text(inner)),
    );
  }

  private parameters(node: SyntaxNode): Parameter[] {
    let isKeywordOnly = false;
    return split(
      this.children(node).filter(child => child.name !== '(' && child.name !== ')'),
      ',',
    ).flatMap(group => {
      const stars = group
        .filter(child => this.text(child) === '*' || this.text(child) === '**')
        .map(child => this.text(child));
      const name = group.find(child => child.name === 'VariableName');
      if (stars.length > 0 && stars[0] === '*' && name === undefined) isKeywordOnly = true;
      if (name === undefined) return [];
      const type = group.find(child => child.name === 'TypeDef');
      const assign = group.findIndex(child => child.name === 'AssignOp');
      const parameter: Parameter = {
        name: this.text(name),
        from: name.from,
        isKeywordOnly,
        ...(stars[0] === '*' || stars[0] === '**' ? { star: stars[0] } : {}),
        ...(type === undefined ? {} : { annotation: this.typeOf(type) }),
        ...(assign < 0 ? {} : { defaultValue: this.tuple(group.slice(assign + 1)) }),
      };
      if (stars[0] === '*') isKeywordOnly = true;
      return [parameter];
    });
  }

  private callArguments(node: SyntaxNode): Argument[] {
    const inner = this.children(node).filter(child => child.name !== '(' && child.name !== ')');
    if (inner.some(child => isKeyword(child, 'for')))
      return [{ value: this.comprehension(node.from, inner, 'generator') }];
    return split(inner, ',').flatMap((group): Argument[] => {
      const [first, second] = group;
      if (first === undefined) return [];
      const mark = this.text(first);
      if (mark === '*' || mark === '**') return [{ star: mark, value: this.tuple(group.slice(1)) }];
      if (second?.name === 'AssignOp' && first.name === 'VariableName') {
        return [{ name: mark, value: this.tuple(group.slice(2)) }];
      }
      return [{ value: this.tuple(group) }];
    });
  }

  /** Expressions between commas as one: a tuple when there are commas. */
  private tuple(nodes: readonly SyntaxNode[]): Expression {
    const groups = split(nodes, ',');
    const from = nodes[0]?.from ?? 0;
    if (groups.length === 1 && !nodes.some(node => node.name === ','))
      return this.single(groups[0] ?? [], from);
    return {
      kind: 'tuple',
      from,
      items: groups.filter(group => group.length > 0).map(group => this.single(group, from)),
    };
  }

  private commaSeparated(nodes: readonly SyntaxNode[]): Expression[] {
    return split(nodes, ',').flatMap(group => group.map(node => this.expression(node)));
  }

  private single(group: readonly SyntaxNode[], from: number): Expression {
    const [first, ...rest] = group;
    if (first === undefined) return { kind: 'unknown', from, children: [] };
    if (first.name === '*' || first.name === '**')
      return { kind: 'star', from, value: this.single(rest, from) };
    if (rest.length === 0) return this.expression(first);
    return { kind: 'unknown', from, children: group.map(node => this.expression(node)) };
  }

  private expression(node: SyntaxNode): Expression {
    this.depth += 1;
    try {
      if (this.depth > MAX_DEPTH) {
        this.hasErrors = true;
        return { kind: 'unknown', from: node.from, children: [] };
      }
      return this.expressionOf(node);
    } finally {
      this.depth -= 1;
    }
  }

  private expressionOf(node: SyntaxNode): Expression {
    const { from } = node;
    switch (node.name) {
      case 'VariableName':
        return { kind: 'name', from, id: this.text(node) };
      case 'Number':
        return { kind: 'number', from, value: Number(this.text(node).replaceAll('_', '')) };
      case 'Boolean':
        return { kind: 'constant', from, value: this.text(node) === 'True' };
      case 'None':
        return { kind: 'constant', from, value: null };
      case 'String':
      case 'FormatString':
        return { kind: 'string', from, parts: this.stringParts(node) };
      case 'ContinuedString':
        return { kind: 'string', from, parts: this.children(node).flatMap(child => this.stringParts(child)) };
    }
    const children = this.children(node);
    const inner = children.filter(child => !/^[()[\]{}]$/.test(child.name));
    switch (node.name) {
      case 'ParenthesizedExpression':
        return this.tuple(inner);
      case 'TupleExpression':
      case 'ArrayExpression':
      case 'SetExpression':
        return {
          kind: node.name === 'TupleExpression' ? 'tuple' : node.name === 'ArrayExpression' ? 'list' : 'set',
          from,
          items: split(inner, ',')
            .filter(group => group.length > 0)
            .map(group => this.single(group, from)),
        };
      case 'DictionaryExpression':
        return {
          kind: 'dict',
          from,
          entries: split(inner, ',').flatMap(group => {
            const colon = group.findIndex(child => child.name === ':');
            if (colon >= 0) {
              return [{ key: this.tuple(group.slice(0, colon)), value: this.tuple(group.slice(colon + 1)) }];
            }
            return group.length > 1 ? [{ value: this.tuple(group.slice(1)) }] : [];
          }),
        };
      case 'ArrayComprehensionExpression':
        return this.comprehension(from, inner, 'list');
      case 'SetComprehensionExpression':
        return this.comprehension(from, inner, 'set');
      case 'DictionaryComprehensionExpression':
        return this.comprehension(from, inner, 'dict');
      case 'ComprehensionExpression':
        return this.comprehension(from, inner, 'generator');
      case 'MemberExpression': {
        const [value, ...rest] = children;
        const property = rest.find(child => child.name === 'PropertyName');
        if (value === undefined) break;
        if (property !== undefined) {
          return {
            kind: 'attribute',
            from: property.from,
            value: this.expression(value),
            name: this.text(property),
          };
        }
        const keys = rest.filter(child => child.name !== '[' && child.name !== ']');
        return {
          kind: 'subscript',
          from,
          value: this.expression(value),
          items: split(
            keys.filter(child => child.name !== ':'),
            ',',
          )
            .filter(group => group.length > 0)
            .map(group => this.single(group, from)),
          bounds: keys.some(child => child.name === ':')
            ? split(keys, ':').map(group => (group.length === 0 ? undefined : this.single(group, from)))
            : undefined,
        };
      }
      case 'CallExpression': {
        const [callee, args] = children;
        if (callee === undefined || args === undefined) break;
        const target = this.expression(callee);
        return { kind: 'call', from: target.from, callee: target, args: this.callArguments(args) };
      }
      case 'BinaryExpression': {
        const operands = children.filter(child => !isOperator(child));
        const operator = children
          .filter(isOperator)
          .map(child => this.text(child))
          .join(' ');
        return { kind: 'operation', from, operator, operands: operands.map(child => this.expression(child)) };
      }
      case 'UnaryExpression':
        return {
          kind: 'operation',
          from,
          operator: children[0] === undefined ? '' : this.text(children[0]),
          operands: children.slice(1).map(child => this.expression(child)),
        };
      case 'ConditionalExpression': {
        const [body, , test, , orElse] = children;
        if (body === undefined || test === undefined || orElse === undefined) break;
        return {
          kind: 'conditional',
          from,
          test: this.expression(test),
          body: this.expression(body),
          orElse: this.expression(orElse),
        };
      }
      case 'LambdaExpression': {
        const parameters = children.find(child => child.name === 'ParamList');
        const colon = children.findIndex(child => child.name === ':');
        return {
          kind: 'lambda',
          from,
          parameters: parameters === undefined ? [] : this.parameters(parameters),
          body: this.tuple(children.slice(colon + 1)),
        };
      }
      case 'NamedExpression': {
        const [target, , value] = children;
        if (target === undefined || value === undefined) break;
        return { kind: 'named', from, target: this.text(target), value: this.expression(value) };
      }
      case 'AwaitExpression':
        return { kind: 'await', from, value: this.tuple(children.slice(1)) };
      case 'YieldExpression':
        return {
          kind: 'yield',
          from,
          value: this.tuple(children.filter(child => !isKeyword(child, 'yield', 'from'))),
        };
      case 'Ellipsis':
        return { kind: 'unknown', from, children: [] };
    }
    return {
      kind: 'unknown',
      from,
      children: inner
        .filter(child => /Name|Expression|String/.test(child.name))
        .map(child => this.expression(child)),
    };
  }

  private comprehension(
    from: number,
    nodes: readonly SyntaxNode[],
    of: 'list' | 'set' | 'dict' | 'generator',
  ): Expression {
    const first = nodes.findIndex(node => isKeyword(node, 'for', 'async'));
    const elements = split(
      nodes.slice(0, first).map(node => node),
      ':',
    ).map(group => this.tuple(group));
    const clauses: ComprehensionClause[] = [];
    let index = first;
    while (index < nodes.length) {
      const node = nodes[index];
      const next = (from: number, ...words: string[]) => {
        const found = nodes.findIndex((child, at) => at > from && isKeyword(child, ...words));
        return found < 0 ? nodes.length : found;
      };
      if (isKeyword(node, 'for')) {
        const inAt = next(index, 'in');
        const end = next(inAt, 'for', 'if', 'async');
        clauses.push({
          kind: 'for',
          target: this.tuple(nodes.slice(index + 1, inAt)),
          iterable: this.tuple(nodes.slice(inAt + 1, end)),
        });
        index = end;
      } else if (isKeyword(node, 'if')) {
        const end = next(index, 'for', 'if', 'async');
        clauses.push({ kind: 'if', test: this.tuple(nodes.slice(index + 1, end)) });
        index = end;
      } else index += 1;
    }
    return { kind: 'comprehension', from, of, elements, clauses };
  }

  /** The pieces of one string literal, escapes resolved. */
  private stringParts(node: SyntaxNode): (string | Expression)[] {
    const text = this.text(node);
    const opening = /^([A-Za-z]*)("""|'''|"|')/.exec(text);
    if (opening === null) return [text];
    const [open, prefix = '', mark = ''] = opening;
    const start = node.from + open.length;
    const end =
      text.endsWith(mark) && text.length >= open.length + mark.length ? node.to - mark.length : node.to;
    const isRaw = /r/i.test(prefix);
    const isFormat = /f/i.test(prefix);
    const parts: (string | Expression)[] = [];
    let position = start;
    const literal = (to: number) => {
      const raw = this.source.slice(position, to);
      const unescaped = isRaw ? raw : unescapeString(raw);
      if (unescaped !== '')
        parts.push(isFormat ? unescaped.replaceAll('{{', '{').replaceAll('}}', '}') : unescaped);
    };
    if (isFormat) {
      for (const child of this.children(node)) {
        if (child.name !== 'FormatReplacement') continue;
        literal(child.from);
        position = child.to;
        const inner = this.children(child);
        const value = inner.filter(item => !/^[{}]$|^Format/.test(item.name));
        const nested = inner
          .filter(item => item.name === 'FormatSpec')
          .flatMap(spec =>
            this.children(spec)
              .filter(item => item.name === 'FormatReplacement')
              .map(item =>
                this.tuple(this.children(item).filter(child => !/^[{}]$|^Format/.test(child.name))),
              ),
          );
        const hasFormat = inner.some(item => item.name.startsWith('Format'));
        const expression = this.tuple(value);
        parts.push(
          hasFormat ? { kind: 'unknown', from: child.from, children: [expression, ...nested] } : expression,
        );
      }
    }
    literal(end);
    return parts;
  }
}

const OPERATORS: ReadonlySet<string> = new Set([
  'ArithOp',
  'CompareOp',
  'BitOp',
  'LogicOp',
  'and',
  'or',
  'not',
  'in',
  'is',
]);

function isOperator(node: SyntaxNode): boolean {
  return OPERATORS.has(node.name);
}

/** Keywords are nodes of their own name. */
function isKeyword(node: SyntaxNode | undefined, ...words: readonly string[]): boolean {
  return node !== undefined && words.includes(node.name);
}

function between(nodes: readonly SyntaxNode[], start: string, end: string): readonly SyntaxNode[] {
  const first = nodes.findIndex(node => node.name === start);
  const last = nodes.findIndex((node, index) => index > first && node.name === end);
  return nodes.slice(first + 1, last < 0 ? nodes.length : last);
}

function split(nodes: readonly SyntaxNode[], separator: string): SyntaxNode[][] {
  const groups: SyntaxNode[][] = [[]];
  for (const node of nodes) {
    if (node.name === separator) groups.push([]);
    else groups[groups.length - 1]?.push(node);
  }
  if (groups.length > 1 && groups[groups.length - 1]?.length === 0) groups.pop();
  return groups;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function unescapeString(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(
    /\\(?:([\n\\'"abfnrtv])|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|N\{[^}]*\})/g,
    (whole, simple?: string, octal?: string, ...hex: (string | undefined)[]) => {
      if (simple !== undefined) return ESCAPES[simple] ?? whole;
      const code =
        octal === undefined
          ? Number.parseInt(hex.slice(0, 3).find(item => item !== undefined) ?? '', 16)
          : Number.parseInt(octal, 8);
      return Number.isNaN(code) || code > 0x10ffff ? whole : String.fromCodePoint(code);
    },
  );
}
