import type { StmtNode } from 'py-ast';

/** Any node of the grammar's tree. */
interface TreeNode {
  readonly nodeType: string;
  readonly lineno?: number;
  readonly [field: string]: unknown;
}

export interface CompileError {
  /** Counted from 0. */
  readonly line: number;
  readonly message: string;
}

/** Why CPython does not compile a text that it parses: the errors of its symbol table and compiler. */
export function compileErrorOf(body: readonly StmtNode[]): CompileError | undefined {
  return new Compiler().run(body as unknown as readonly TreeNode[]);
}

const FUTURE: ReadonlySet<string> = new Set([
  'nested_scopes',
  'generators',
  'division',
  'absolute_import',
  'with_statement',
  'print_function',
  'unicode_literals',
  'barry_as_FLUFL',
  'generator_stop',
  'annotations',
]);

type BlockKind = 'module' | 'class' | 'function' | 'async' | 'lambda' | 'comprehension';

class Block {
  public readonly parameters = new Set<string>();
  public readonly assigned = new Set<string>();
  public readonly used = new Set<string>();
  public readonly globals = new Set<string>();
  public readonly nonlocals = new Map<string, TreeNode>();
  public isInLoop = false;
  public yields = false;
  public returned: TreeNode | undefined;

  constructor(
    public readonly kind: BlockKind,
    public readonly parent: Block | undefined,
  ) {}

  public get isFunction(): boolean {
    return this.kind === 'function' || this.kind === 'async' || this.kind === 'lambda';
  }

  /** Whether the name is a variable of this function or of one around it. */
  public binds(name: string): boolean {
    if (this.isFunction && !this.globals.has(name) && !this.nonlocals.has(name)) {
      if (this.parameters.has(name) || this.assigned.has(name)) return true;
    }
    return this.parent?.binds(name) === true;
  }
}

class Compiler {
  private found: CompileError | undefined;
  private block = new Block('module', undefined);
  private readonly nonlocals: { readonly block: Block; readonly name: string; readonly node: TreeNode }[] =
    [];
  private mayImportFuture = true;

  public run(body: readonly TreeNode[]): CompileError | undefined {
    for (const [index, node] of body.filter(({ nodeType }) => nodeType !== 'Comment').entries()) {
      const isDocstring = index === 0 && node.nodeType === 'Expr' && is(node['value'], 'Constant');
      if (!isDocstring && !isFutureImport(node)) this.mayImportFuture = false;
      this.visit(node);
    }
    for (const { block, name, node } of this.nonlocals) {
      if (name !== '__class__' && block.parent?.binds(name) !== true)
        this.refuse(node, `no binding for nonlocal '${name}' found`);
    }
    return this.found;
  }

  private refuse(node: TreeNode, message: string): void {
    this.found ??= { line: (node.lineno ?? 1) - 1, message };
  }

  private visit(node: TreeNode): void {
    switch (node.nodeType) {
      case 'FunctionDef':
      case 'AsyncFunctionDef':
        this.block.assigned.add(String(node['name']));
        this.visitAll(node['decorator_list']);
        this.callable(node, node.nodeType === 'FunctionDef' ? 'function' : 'async');
        return;
      case 'Lambda':
        this.callable(node, 'lambda');
        return;
      case 'ClassDef':
        this.block.assigned.add(String(node['name']));
        this.visitAll(node['decorator_list'], node['bases'], node['keywords']);
        this.inside('class', () => this.visitAll(node['body']));
        return;
      case 'ListComp':
      case 'SetComp':
      case 'DictComp':
      case 'GeneratorExp':
        this.comprehension(node);
        return;
      case 'Name':
        (is(node['ctx'], 'Load') ? this.block.used : this.block.assigned).add(String(node['id']));
        return;
      case 'NamedExpr': {
        let { block } = this;
        while (block.kind === 'comprehension' && block.parent !== undefined) block = block.parent;
        for (const { id } of nodesIn(node['target'])) block.assigned.add(String(id));
        this.visitAll(node['value']);
        return;
      }
      case 'Global':
      case 'Nonlocal':
        for (const name of node['names'] as readonly string[]) this.declare(node, name);
        return;
      case 'Import':
        for (const { asname, name } of nodesIn(node['names']))
          this.block.assigned.add(String(asname ?? String(name).split('.')[0]));
        return;
      case 'ImportFrom':
        this.importFrom(node);
        return;
      case 'ExceptHandler':
      case 'MatchAs':
      case 'MatchStar':
      case 'MatchMapping':
        for (const name of [node['name'], node['rest']])
          if (typeof name === 'string') this.block.assigned.add(name);
        break;
      case 'AnnAssign': {
        const [target] = nodesIn(node['target']);
        if (target?.nodeType === 'Name' && this.block.globals.has(String(target['id'])))
          this.refuse(node, `annotated name '${String(target['id'])}' can't be global`);
        this.starless(node, node['value']);
        this.visitAll(node['value'], node['target']);
        return;
      }
      case 'Expr':
      case 'AugAssign':
        this.starless(node, node['value']);
        break;
      case 'Assign':
        this.starless(node, node['value']);
        if (nodesIn(node['targets']).some(({ nodeType }) => nodeType === 'Starred'))
          this.refuse(node, 'starred assignment target must be in a list or tuple');
        break;
      case 'Tuple':
      case 'List':
        if (
          is(node['ctx'], 'Store') &&
          nodesIn(node['elts']).filter(({ nodeType }) => nodeType === 'Starred').length > 1
        )
          this.refuse(node, 'multiple starred expressions in assignment');
        break;
      case 'Call': {
        const names = nodesIn(node['keywords']).flatMap(({ arg }) => (typeof arg === 'string' ? [arg] : []));
        const repeated = names.find((name, index) => names.indexOf(name) < index);
        if (repeated !== undefined) this.refuse(node, `keyword argument repeated: ${repeated}`);
        break;
      }
      case 'Return':
        if (this.block.kind !== 'function' && this.block.kind !== 'async')
          this.refuse(node, "'return' outside function");
        if (node['value'] !== undefined) this.block.returned ??= node;
        this.starless(node, node['value']);
        break;
      case 'Break':
        if (!this.block.isInLoop) this.refuse(node, "'break' outside loop");
        return;
      case 'Continue':
        if (!this.block.isInLoop) this.refuse(node, "'continue' not properly in loop");
        return;
      case 'For':
      case 'AsyncFor':
      case 'While':
        if (node.nodeType === 'AsyncFor') this.asynchronous(node, 'async for');
        this.visitAll(node['iter'], node['test'], node['target']);
        this.loop(node);
        return;
      case 'AsyncWith':
        this.asynchronous(node, 'async with');
        break;
      case 'Try':
      case 'TryStar': {
        const early = nodesIn(node['handlers'])
          .slice(0, -1)
          .find(({ type }) => type === undefined);
        if (early !== undefined) this.refuse(early, "default 'except:' must be last");
        break;
      }
      case 'Yield':
      case 'YieldFrom':
        if (this.block.kind === 'comprehension') this.refuse(node, "'yield' inside a comprehension");
        else if (!this.block.isFunction) this.refuse(node, "'yield' outside function");
        else if (node.nodeType === 'YieldFrom' && this.block.kind === 'async')
          this.refuse(node, "'yield from' inside async function");
        this.block.yields = true;
        break;
      case 'Await':
        // A comprehension may be asynchronous by what stands in it.
        if (this.block.kind !== 'comprehension') this.asynchronous(node, 'await');
        break;
    }
    this.visitAll(...Object.values(node));
  }

  private visitAll(...fields: readonly unknown[]): void {
    for (const field of fields) for (const node of nodesIn(field)) this.visit(node);
  }

  private inside(kind: BlockKind, action: (block: Block) => void): void {
    const outer = this.block;
    this.block = new Block(kind, outer);
    action(this.block);
    this.block = outer;
  }

  private callable(node: TreeNode, kind: 'function' | 'async' | 'lambda'): void {
    const [given] = nodesIn(node['args']);
    this.visitAll(given?.['defaults'], given?.['kw_defaults']);
    this.inside(kind, block => {
      for (const field of ['posonlyargs', 'args', 'vararg', 'kwonlyargs', 'kwarg']) {
        for (const parameter of nodesIn(given?.[field])) {
          const name = String(parameter['arg']);
          if (block.parameters.has(name))
            this.refuse(
              parameter.lineno === undefined ? node : parameter,
              `duplicate argument '${name}' in function definition`,
            );
          block.parameters.add(name);
        }
      }
      this.visitAll(node['body']);
      if (kind === 'async' && block.yields && block.returned !== undefined)
        this.refuse(block.returned, "'return' with value in async generator");
    });
  }

  private comprehension(node: TreeNode): void {
    const [first, ...rest] = nodesIn(node['generators']);
    this.visitAll(first?.['iter']);
    this.inside('comprehension', () =>
      this.visitAll(first?.['target'], first?.['ifs'], rest, node['elt'], node['key'], node['value']),
    );
  }

  private loop(node: TreeNode): void {
    const { block } = this;
    const outer = block.isInLoop;
    block.isInLoop = true;
    this.visitAll(node['body']);
    block.isInLoop = outer;
    this.visitAll(node['orelse']);
  }

  private declare(node: TreeNode, name: string): void {
    const { block } = this;
    const word = node.nodeType === 'Global' ? 'global' : 'nonlocal';
    if (block.parameters.has(name)) this.refuse(node, `name '${name}' is parameter and ${word}`);
    else if (word === 'nonlocal' && block.kind === 'module')
      this.refuse(node, 'nonlocal declaration not allowed at module level');
    else if (block.assigned.has(name))
      this.refuse(node, `name '${name}' is assigned to before ${word} declaration`);
    else if (block.used.has(name)) this.refuse(node, `name '${name}' is used prior to ${word} declaration`);
    else if (word === 'global' ? block.nonlocals.has(name) : block.globals.has(name))
      this.refuse(node, `name '${name}' is nonlocal and global`);
    if (word === 'global') block.globals.add(name);
    else {
      block.nonlocals.set(name, node);
      this.nonlocals.push({ block, name, node });
    }
  }

  private importFrom(node: TreeNode): void {
    const names = nodesIn(node['names']);
    if (isFutureImport(node)) {
      if (!this.mayImportFuture || this.block.kind !== 'module')
        this.refuse(node, 'from __future__ imports must occur at the beginning of the file');
      const unknown = names.map(({ name }) => String(name)).find(name => !FUTURE.has(name));
      if (unknown !== undefined) this.refuse(node, `future feature ${unknown} is not defined`);
    }
    if (names.some(({ name }) => name === '*') && this.block.kind !== 'module')
      this.refuse(node, 'import * only allowed at module level');
    for (const { asname, name } of names) this.block.assigned.add(String(asname ?? name));
  }

  private asynchronous(node: TreeNode, word: string): void {
    if (this.block.kind === 'async') return;
    this.refuse(node, `'${word}' outside ${this.block.isFunction ? 'async ' : ''}function`);
  }

  private starless(node: TreeNode, value: unknown): void {
    if (is(value, 'Starred')) this.refuse(node, "can't use starred expression here");
  }
}

function isFutureImport({ nodeType, module, level }: TreeNode): boolean {
  return nodeType === 'ImportFrom' && module === '__future__' && (level ?? 0) === 0;
}

function is(value: unknown, nodeType: string): boolean {
  return nodesIn(value)[0]?.nodeType === nodeType;
}

/** The nodes of a field: one, several or none. */
function nodesIn(field: unknown): TreeNode[] {
  const all: unknown[] = Array.isArray(field) ? field : [field];
  return all.filter(
    (item): item is TreeNode => typeof item === 'object' && item !== null && 'nodeType' in item,
  );
}
