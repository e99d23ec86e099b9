/** From text to Template: finds the `${...}` and `$->{...}` places and parses what is inside. */
import { nearestName } from '../nearest-name.ts';
import {
  type BinaryOperator,
  type Expression,
  ExpressionError,
  methods,
  type StaticFunction,
  staticFunctions,
  type Template,
  type TemplatePart,
  type UnaryOperator,
} from './expression.ts';
import { type InlineToken, tokenize } from './lexer.ts';

const TEXT_MAX = 10_000;
const DEPTH_MAX = 100;

/** Lowest first; the operators of a level bind from the left. */
const levels: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '<=', '>', '>='],
  ['..', '..<'],
  ['<<', '>>', '>>>'],
  ['+', '-'],
  ['*', '/', '%'],
];

/** Parses a whole template. `variables` are the names that places may use ('any': every name, see `variablesOf`). Throws ExpressionError and nothing else. */
export function parseTemplate(text: string, variables: readonly string[] | 'any'): Template {
  if (text.length > TEXT_MAX) throw new ExpressionError(TEXT_MAX, `an expression has at most ${TEXT_MAX} characters`);
  const parts: TemplatePart[] = [];
  let literalStart = 0;
  let at = 0;
  const literal = (end: number): void => {
    if (end > literalStart) parts.push({ kind: 'literal', at: literalStart, text: text.slice(literalStart, end) });
  };
  while (at < text.length) {
    const open = text.startsWith('${', at) ? 2 : text.startsWith('$->{', at) ? 4 : 0;
    if (open === 0) {
      at++;
      continue;
    }
    literal(at);
    const tokens = tokenize(text, at + open);
    const expression = new Parser(tokens, variables).parsePlace();
    parts.push({ kind: 'place', at, expression });
    at = tokens.at(-1)!.at + 1;
    literalStart = at;
  }
  literal(text.length);
  return { parts };
}

class Parser {
  readonly #tokens: readonly InlineToken[];
  readonly #variables: string[];
  readonly #anyName: boolean;
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly InlineToken[], variables: readonly string[] | 'any') {
    this.#tokens = tokens;
    this.#anyName = variables === 'any';
    this.#variables = variables === 'any' ? [] : [...variables];
  }

  parsePlace(): Expression {
    const first = this.#token;
    if (first.kind === 'end') throw new ExpressionError(first.at, 'this place is empty');
    const expression = this.#conditional();
    const last = this.#token;
    if (last.kind !== 'end') throw this.#unexpected();
    return expression;
  }

  get #token(): InlineToken {
    return this.#tokens[this.#next]!;
  }

  #takes(symbol: string): boolean {
    const token = this.#token;
    if (token.kind !== 'symbol' || token.text !== symbol) return false;
    this.#next++;
    return true;
  }

  #expect(symbol: string): void {
    if (!this.#takes(symbol)) throw new ExpressionError(this.#token.at, `'${symbol}' expected`);
  }

  #unexpected(): ExpressionError {
    const token = this.#token;
    if (token.kind === 'end') return new ExpressionError(token.at, 'the expression ends too early');
    return new ExpressionError(token.at, `'${token.text}' is not understood here`);
  }

  #conditional(): Expression {
    if (++this.#depth > DEPTH_MAX) throw new ExpressionError(this.#token.at, 'the expression is nested too deeply');
    const test = this.#level(0);
    const at = this.#token.at;
    let result = test;
    if (this.#takes('?')) {
      const then = this.#conditional();
      this.#expect(':');
      result = { kind: 'conditional', at, test, then, otherwise: this.#conditional() };
    }
    this.#depth--;
    return result;
  }

  #level(level: number): Expression {
    const operators = levels[level];
    if (operators === undefined) return this.#unary();
    let left = this.#level(level + 1);
    for (;;) {
      const token = this.#token;
      if (token.kind !== 'symbol' || !operators.includes(token.text)) return left;
      this.#next++;
      if (token.text === '/')
        throw new ExpressionError(token.at, 'division gives a fraction', 'use .intdiv(n) for whole numbers');
      const right = this.#level(level + 1);
      if (token.text === '..' || token.text === '..<')
        left = { kind: 'range', at: token.at, from: left, to: right, exclusive: token.text === '..<' };
      else left = { kind: 'binary', at: token.at, operator: token.text as BinaryOperator, left, right };
    }
  }

  #unary(): Expression {
    const token = this.#token;
    if (
      token.kind === 'symbol' &&
      (token.text === '-' || token.text === '+' || token.text === '!' || token.text === '~')
    ) {
      if (++this.#depth > DEPTH_MAX) throw new ExpressionError(token.at, 'the expression is nested too deeply');
      this.#next++;
      const operand = this.#unary();
      this.#depth--;
      return { kind: 'unary', at: token.at, operator: token.text as UnaryOperator, operand };
    }
    return this.#postfix(this.#primary());
  }

  #postfix(start: Expression): Expression {
    let target = start;
    for (;;) {
      const at = this.#token.at;
      if (this.#takes('[')) {
        const index = this.#conditional();
        this.#expect(']');
        target = { kind: 'index', at, target, index };
      } else if (this.#takes('.')) {
        target = this.#member(target);
      } else if (this.#token.kind === 'name' && this.#token.text === 'as') {
        this.#next++;
        const type = this.#token;
        const name = (
          { int: 'intValue', Integer: 'intValue', long: 'longValue', Long: 'longValue', String: 'toString' } as Record<
            string,
            string
          >
        )[type.text];
        if (name === undefined)
          throw new ExpressionError(type.at, `'as ${type.text}' is not known; int, long or String is`);
        this.#next++;
        target = { kind: 'method', at: type.at, target, name, arguments: [] };
      } else return target;
    }
  }

  #member(target: Expression): Expression {
    const token = this.#token;
    if (token.kind !== 'name') throw new ExpressionError(token.at, 'the name of a method is expected');
    this.#next++;
    if (token.text === 'collect') return this.#collect(target, token.at);
    const arity = Object.hasOwn(methods, token.text) ? methods[token.text] : undefined;
    if (arity === undefined) {
      const near = nearestName(token.text, Object.keys(methods));
      throw new ExpressionError(
        token.at,
        `method .${token.text}() is not known`,
        near === undefined ? `known are ${Object.keys(methods).join(', ')}` : `did you mean .${near}()?`,
      );
    }
    const values = this.#arguments();
    if (values.length < arity.min || values.length > arity.max) {
      throw new ExpressionError(
        token.at,
        `.${token.text}() takes ${arity.min === arity.max ? arity.min : `${arity.min} to ${arity.max}`} argument(s), not ${values.length}`,
      );
    }
    return { kind: 'method', at: token.at, target, name: token.text, arguments: values };
  }

  #collect(target: Expression, at: number): Expression {
    const parenthesis = this.#takes('(');
    this.#expect('{');
    let parameter = 'it';
    const token = this.#token;
    const arrow = this.#tokens[this.#next + 1];
    if (token.kind === 'name' && arrow?.kind === 'symbol' && arrow.text === '->') {
      parameter = token.text;
      this.#next += 2;
    }
    this.#variables.push(parameter);
    const body = this.#conditional();
    this.#variables.pop();
    this.#expect('}');
    if (parenthesis) this.#expect(')');
    return { kind: 'collect', at, target, parameter, body };
  }

  #arguments(): Expression[] {
    this.#expect('(');
    const values: Expression[] = [];
    if (this.#takes(')')) return values;
    do values.push(this.#conditional());
    while (this.#takes(','));
    this.#expect(')');
    return values;
  }

  #primary(): Expression {
    const token = this.#token;
    switch (token.kind) {
      case 'integer':
        this.#next++;
        return { kind: 'integer', at: token.at, value: BigInt(token.text) };
      case 'text':
        this.#next++;
        return { kind: 'text', at: token.at, value: token.text };
      case 'name':
        return this.#name(token);
      case 'symbol':
        if (this.#takes('(')) {
          const inner = this.#conditional();
          this.#expect(')');
          return inner;
        }
        if (this.#takes('[')) {
          const items: Expression[] = [];
          if (!this.#takes(']')) {
            do items.push(this.#conditional());
            while (this.#takes(','));
            this.#expect(']');
          }
          return { kind: 'list', at: token.at, items };
        }
        throw this.#unexpected();
      case 'end':
        throw this.#unexpected();
    }
  }

  #name(token: InlineToken): Expression {
    this.#next++;
    if (token.text === 'true' || token.text === 'false')
      return { kind: 'boolean', at: token.at, value: token.text === 'true' };
    if (this.#variables.includes(token.text)) return { kind: 'variable', at: token.at, name: token.text };
    const member = this.#tokens[this.#next + 1];
    if (/^(?:Long|Integer|String|Math)$/.test(token.text) && this.#takes('.')) {
      const name = `${token.text}.${member?.text ?? ''}`;
      if (!Object.hasOwn(staticFunctions, name)) {
        const near = nearestName(name, Object.keys(staticFunctions));
        throw new ExpressionError(
          token.at,
          `${name} is not known`,
          near === undefined ? `known are ${Object.keys(staticFunctions).join(', ')}` : `did you mean ${near}?`,
        );
      }
      this.#next++;
      const values = this.#arguments();
      const arity = staticFunctions[name as StaticFunction];
      if (values.length !== arity)
        throw new ExpressionError(token.at, `${name} takes ${arity} argument(s), not ${values.length}`);
      return { kind: 'static', at: token.at, name: name as StaticFunction, arguments: values };
    }
    const next = this.#token;
    if (this.#anyName && !(next.kind === 'symbol' && next.text === '(')) {
      return { kind: 'variable', at: token.at, name: token.text };
    }
    if (this.#anyName) throw new ExpressionError(token.at, `function ${token.text}() is not known`);
    const near = nearestName(token.text, this.#variables);
    const known = this.#variables.length === 0 ? 'no names are known here' : `known: ${this.#variables.join(', ')}`;
    throw new ExpressionError(
      token.at,
      `name '${token.text}' is not known`,
      near === undefined ? known : `did you mean '${near}'?`,
    );
  }
}
