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
    /** What the interpreter has no meaning for, e.g. a formatted piece of an f-string. */
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

/** A type variable, with the expressions of its bound and default. */
export interface TypeParameter {
  readonly name: string;
  readonly reads: readonly Expression[];
}

export interface FunctionDefinition extends Located {
  readonly kind: 'function';
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly typeParameters: readonly TypeParameter[];
  readonly returns?: Expression;
  readonly body: readonly Statement[];
  readonly decorators: readonly Expression[];
}

export interface ClassDefinition extends Located {
  readonly kind: 'class';
  readonly name: string;
  readonly bases: readonly Argument[];
  readonly typeParameters: readonly TypeParameter[];
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
            readonly typeParameters: readonly TypeParameter[];
            readonly value: Expression;
          }
        | { readonly kind: 'raise' | 'assert'; readonly values: readonly Expression[] }
        | { readonly kind: 'pass' | 'break' | 'continue' }
      ));

/** Text that is not read: Python refuses it as well, or only the grammar here does. */
export interface ReadFailure {
  readonly isRefusedByPython: boolean;
  /** Counted from 0. */
  readonly line: number;
  readonly message: string;
  /** The first Python that takes the text, when a newer one than that of Spark's images does. */
  readonly validFrom?: string;
}

export interface Module {
  /** Empty where the text was not read. */
  readonly body: readonly Statement[];
  /** Why the text was not read. */
  readonly failure?: ReadFailure;
  /** Line, from 0, of an offset. */
  readonly lineOf: (offset: number) => number;
}
