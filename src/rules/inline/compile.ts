/** Turns a parsed template into a function of its variables: whole numbers as Java's long, strings, lists. */
import { unreachable } from '../../base/index.ts';
import { type Expression, ExpressionError, type Template } from './expression.ts';
import {
  arithmetic,
  asBoolean,
  asInteger,
  asText,
  callMethod,
  callStatic,
  compare,
  elementOf,
  type InlineValue,
  itemsOf,
  rangeOf,
} from './values.ts';

/** Gives the text for one row of variable values (in the order of the names at compilation). Throws ExpressionError for values that it cannot take. */
export type TextOf = (row: readonly InlineValue[]) => string;
type ValueOf = (row: readonly InlineValue[]) => InlineValue;

/** One text per row: places that give a list are an error. */
export function compileText(template: Template, variables: readonly string[]): TextOf {
  const parts = template.parts.map((part): TextOf => {
    if (part.kind === 'literal') {
      const text = part.text;
      return () => text;
    }
    const value = compileExpression(part.expression, variables);
    const at = part.at;
    return (row) => {
      const result = value(row);
      if (typeof result === 'object') throw new ExpressionError(at, 'a single value is expected here, not a list');
      return asText(result);
    };
  });
  if (parts.length === 1) return parts[0]!;
  if (parts.length === 2) {
    const [first, second] = parts as [TextOf, TextOf];
    return (row) => first(row) + second(row);
  }
  return (row) => {
    let text = '';
    for (const part of parts) text += part(row);
    return text;
  };
}

/** All values of a place without variables, for lists of names. */
export function evaluateItems(expression: Expression): readonly InlineValue[] {
  return itemsOf(compileExpression(expression, [])([]));
}

export function compileExpression(expression: Expression, variables: readonly string[]): ValueOf {
  const { at } = expression;
  switch (expression.kind) {
    case 'integer':
    case 'text':
    case 'boolean': {
      const value = expression.value;
      return () => value;
    }
    case 'variable': {
      const index = variables.lastIndexOf(expression.name);
      return (row) => row[index]!;
    }
    case 'list': {
      const items = expression.items.map((item) => compileExpression(item, variables));
      return (row) => items.flatMap((item) => itemsOf(item(row)));
    }
    case 'range': {
      const from = compileExpression(expression.from, variables);
      const to = compileExpression(expression.to, variables);
      return (row) => rangeOf(from(row), to(row), expression.exclusive, at);
    }
    case 'unary': {
      const operand = compileExpression(expression.operand, variables);
      const { operator } = expression;
      switch (operator) {
        case '-':
          return (row) => arithmetic('-', 0n, operand(row), at);
        case '+':
          return (row) => asInteger(operand(row), at);
        case '~':
          return (row) => -asInteger(operand(row), at) - 1n;
        case '!':
          return (row) => !asBoolean(operand(row), at);
        default:
          return unreachable(operator);
      }
    }
    case 'binary':
      return compileBinary(expression, variables);
    case 'conditional': {
      const test = compileExpression(expression.test, variables);
      const then = compileExpression(expression.then, variables);
      const otherwise = compileExpression(expression.otherwise, variables);
      return (row) => (asBoolean(test(row), at) ? then(row) : otherwise(row));
    }
    case 'index': {
      const target = compileExpression(expression.target, variables);
      if (expression.index.kind === 'range') {
        const from = compileExpression(expression.index.from, variables);
        const to = compileExpression(expression.index.to, variables);
        const exclusive = expression.index.exclusive;
        return (row) =>
          elementOf(target(row), { from: asInteger(from(row), at), to: asInteger(to(row), at), exclusive }, at);
      }
      const index = compileExpression(expression.index, variables);
      return (row) => elementOf(target(row), asInteger(index(row), at), at);
    }
    case 'method': {
      const target = compileExpression(expression.target, variables);
      const values = expression.arguments.map((argument) => compileExpression(argument, variables));
      return (row) =>
        callMethod(
          expression.name,
          target(row),
          values.map((value) => value(row)),
          at,
        );
    }
    case 'static': {
      const values = expression.arguments.map((argument) => compileExpression(argument, variables));
      return (row) =>
        callStatic(
          expression.name,
          values.map((value) => value(row)),
          at,
        );
    }
    case 'collect': {
      const target = compileExpression(expression.target, variables);
      const body = compileExpression(expression.body, [...variables, expression.parameter]);
      return (row) =>
        itemsOf(target(row)).map((item) => {
          const result = body([...row, item]);
          if (typeof result === 'object') throw new ExpressionError(at, 'collect gives single values, not lists');
          return result;
        });
    }
  }
}

function compileBinary(expression: Extract<Expression, { kind: 'binary' }>, variables: readonly string[]): ValueOf {
  const { operator, at } = expression;
  const left = compileExpression(expression.left, variables);
  const right = compileExpression(expression.right, variables);
  switch (operator) {
    case '&&':
      return (row) => asBoolean(left(row), at) && asBoolean(right(row), at);
    case '||':
      return (row) => asBoolean(left(row), at) || asBoolean(right(row), at);
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return (row) => compare(operator, left(row), right(row), at);
    default:
      return (row) => arithmetic(operator, left(row), right(row), at);
  }
}
