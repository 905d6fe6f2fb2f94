import { bodiesOf, childrenOf, expressionsOf } from '../python/names';
import type { Argument, Expression, Module, Statement } from '../python/syntax';
import { isCredentialName, isLiteral } from './credentials';

export interface CodeCredential {
  readonly name: string;
  readonly offset: number;
}

/**
 * Literals in Python code that are given to a name which holds a credential: a variable, an argument, a dictionary's
 * key, a setting (`.option("password", "…")`), or the default of a variable of the environment.
 */
export function codeCredentials(module: Module): CodeCredential[] {
  // What is left of a program after a syntax error may be put together wrongly.
  const found: CodeCredential[] = [];
  const give = (name: string | undefined, value: Expression | undefined) => {
    const literal = value === undefined ? undefined : literalText(value);
    if (
      name !== undefined &&
      value !== undefined &&
      literal !== undefined &&
      isCredentialName(name) &&
      isLiteral(literal)
    ) {
      found.push({ name, offset: value.from });
    }
  };
  const visit = (node: Expression): void => {
    if (node.kind === 'call') {
      for (const { name, value } of node.args) give(name, value);
      const [first, second] = positional(node.args);
      if (first !== undefined && second !== undefined && SETTERS.has(calledName(node.callee))) {
        give(literalText(first), second);
      }
    }
    if (node.kind === 'dict')
      for (const { key, value } of node.entries)
        give(key === undefined ? undefined : literalText(key), value);
    for (const child of childrenOf(node)) visit(child);
  };
  const walk = (statements: readonly Statement[]): void => {
    for (const statement of statements) {
      if (statement.kind === 'assign') {
        for (const target of statement.targets) {
          // A parser's tokens are no credentials; `api_token` is.
          if (target.kind === 'name' && target.id !== 'token') give(target.id, statement.value);
          else if (target.kind === 'attribute') give(target.name, statement.value);
          else if (target.kind === 'subscript' && target.items[0] !== undefined)
            give(literalText(target.items[0]), statement.value);
        }
      }
      if (statement.kind === 'function')
        for (const { name, defaultValue } of statement.parameters) give(name, defaultValue);
      for (const expression of expressionsOf(statement)) visit(expression);
      for (const body of bodiesOf(statement)) walk(body);
    }
  };
  walk(module.body);
  return found;
}

/** Functions that take a name and its value, or its default. */
const SETTERS: ReadonlySet<string> = new Set([
  'option',
  'config',
  'set',
  'setIfMissing',
  'getenv',
  'get',
  'setdefault',
  'setProperty',
  'putenv',
  'setenv',
  'add_header',
]);

function calledName(callee: Expression): string {
  return callee.kind === 'attribute' ? callee.name : callee.kind === 'name' ? callee.id : '';
}

function positional(args: readonly Argument[]): Expression[] {
  return args.filter(({ name, star }) => name === undefined && star === undefined).map(({ value }) => value);
}

function literalText(node: Expression): string | undefined {
  if (node.kind !== 'string' || !node.parts.every(part => typeof part === 'string')) return undefined;
  return node.parts.join('');
}
