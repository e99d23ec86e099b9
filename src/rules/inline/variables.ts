/** Which names a template uses. */
import type { Expression, Template } from './expression.ts';

export interface VariableUse {
  readonly name: string;
  /** Offset of its first use. */
  readonly at: number;
}

/** Each name once, in order of first use; parameters of `collect` are not among them. */
export function variablesOf(template: Template): VariableUse[] {
  const uses = new Map<string, VariableUse>();
  for (const part of template.parts) if (part.kind === 'place') visit(part.expression, [], uses);
  return [...uses.values()];
}

function visit(expression: Expression, hidden: readonly string[], uses: Map<string, VariableUse>): void {
  switch (expression.kind) {
    case 'variable':
      if (!hidden.includes(expression.name) && !uses.has(expression.name))
        uses.set(expression.name, { name: expression.name, at: expression.at });
      return;
    case 'list':
      for (const item of expression.items) visit(item, hidden, uses);
      return;
    case 'range':
      visit(expression.from, hidden, uses);
      visit(expression.to, hidden, uses);
      return;
    case 'unary':
      visit(expression.operand, hidden, uses);
      return;
    case 'binary':
      visit(expression.left, hidden, uses);
      visit(expression.right, hidden, uses);
      return;
    case 'conditional':
      visit(expression.test, hidden, uses);
      visit(expression.then, hidden, uses);
      visit(expression.otherwise, hidden, uses);
      return;
    case 'index':
      visit(expression.target, hidden, uses);
      visit(expression.index, hidden, uses);
      return;
    case 'method':
      visit(expression.target, hidden, uses);
      for (const argument of expression.arguments) visit(argument, hidden, uses);
      return;
    case 'static':
      for (const argument of expression.arguments) visit(argument, hidden, uses);
      return;
    case 'collect':
      visit(expression.target, hidden, uses);
      visit(expression.body, [...hidden, expression.parameter], uses);
      return;
    default:
      return;
  }
}
