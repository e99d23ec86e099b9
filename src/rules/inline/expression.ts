/** The syntax tree of inline expressions: literal text with `${...}` places, and the small typed language inside them. */

/** Offsets count from 0 in the whole text. */
export type Expression =
  | { readonly kind: 'integer'; readonly at: number; readonly value: bigint }
  | { readonly kind: 'text'; readonly at: number; readonly value: string }
  | { readonly kind: 'boolean'; readonly at: number; readonly value: boolean }
  | { readonly kind: 'variable'; readonly at: number; readonly name: string }
  | { readonly kind: 'list'; readonly at: number; readonly items: readonly Expression[] }
  | {
      readonly kind: 'range';
      readonly at: number;
      readonly from: Expression;
      readonly to: Expression /** `..<` */;
      readonly exclusive: boolean;
    }
  | { readonly kind: 'unary'; readonly at: number; readonly operator: UnaryOperator; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly at: number;
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'conditional';
      readonly at: number;
      readonly test: Expression;
      readonly then: Expression;
      readonly otherwise: Expression;
    }
  | { readonly kind: 'index'; readonly at: number; readonly target: Expression; readonly index: Expression }
  | {
      readonly kind: 'method';
      readonly at: number;
      readonly target: Expression;
      readonly name: string;
      readonly arguments: readonly Expression[];
    }
  | {
      readonly kind: 'static';
      readonly at: number;
      readonly name: StaticFunction;
      readonly arguments: readonly Expression[];
    }
  /** `list.collect{ x -> ... }` */
  | {
      readonly kind: 'collect';
      readonly at: number;
      readonly target: Expression;
      readonly parameter: string;
      readonly body: Expression;
    };

export type UnaryOperator = '-' | '+' | '!' | '~';
export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '%'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '&&'
  | '||'
  | '&'
  | '|'
  | '^'
  | '<<'
  | '>>'
  | '>>>';

/** A text with places: `orders_${order_id % 2}`. */
export interface Template {
  readonly parts: readonly TemplatePart[];
}
export type TemplatePart =
  | { readonly kind: 'literal'; readonly at: number; readonly text: string }
  | { readonly kind: 'place'; readonly at: number; readonly expression: Expression };

/** Methods by name: how many arguments they take. */
export const methods: Readonly<Record<string, { readonly min: number; readonly max: number }>> = {
  intdiv: { min: 1, max: 1 },
  abs: { min: 0, max: 0 },
  mod: { min: 1, max: 1 },
  toString: { min: 0, max: 0 },
  toInteger: { min: 0, max: 0 },
  toLong: { min: 0, max: 0 },
  intValue: { min: 0, max: 0 },
  longValue: { min: 0, max: 0 },
  padLeft: { min: 1, max: 2 },
  padRight: { min: 1, max: 2 },
  substring: { min: 1, max: 2 },
  charAt: { min: 1, max: 1 },
  length: { min: 0, max: 0 },
  size: { min: 0, max: 0 },
  toLowerCase: { min: 0, max: 0 },
  toUpperCase: { min: 0, max: 0 },
  trim: { min: 0, max: 0 },
  replace: { min: 2, max: 2 },
  indexOf: { min: 1, max: 1 },
  startsWith: { min: 1, max: 1 },
  endsWith: { min: 1, max: 1 },
  contains: { min: 1, max: 1 },
  equals: { min: 1, max: 1 },
  hashCode: { min: 0, max: 0 },
};

export type StaticFunction =
  | 'Long.parseLong'
  | 'Long.valueOf'
  | 'Integer.parseInt'
  | 'Integer.valueOf'
  | 'String.valueOf'
  | 'Math.abs'
  | 'Math.floorMod'
  | 'Math.floorDiv'
  | 'Math.min'
  | 'Math.max';
export const staticFunctions: Readonly<Record<StaticFunction, number>> = {
  'Long.parseLong': 1,
  'Long.valueOf': 1,
  'Integer.parseInt': 1,
  'Integer.valueOf': 1,
  'String.valueOf': 1,
  'Math.abs': 1,
  'Math.floorMod': 2,
  'Math.floorDiv': 2,
  'Math.min': 2,
  'Math.max': 2,
};

/** A text that is no inline expression, or one that met a value which it cannot take. `at` is an offset in the text, from 0. */
export class ExpressionError extends Error {
  readonly at: number;
  readonly suggestion: string | undefined;

  constructor(at: number, message: string, suggestion?: string) {
    super(`${message} (column ${at + 1} of the expression)`);
    this.name = 'ExpressionError';
    this.at = at;
    this.suggestion = suggestion;
  }
}
