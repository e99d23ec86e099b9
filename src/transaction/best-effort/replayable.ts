/** Whether a statement does the same when it is run again later, on rows that it alone chooses. */
import { isDeterministic, type Statement, walk } from '../../sql/index.ts';

/** Verdicts by syntax tree: plans, and with them their trees, are used again and again. */
const verdicts = new WeakMap<Statement, { readonly reason: string | undefined }>();

/** Undefined: it may be delivered later. Otherwise why not, as the end of a sentence. */
export function whyNotReplayable(statement: Statement | undefined): string | undefined {
  if (statement === undefined) return 'it was not understood';
  let verdict = verdicts.get(statement);
  if (verdict === undefined) {
    verdict = { reason: judge(statement) };
    verdicts.set(statement, verdict);
  }
  return verdict.reason;
}

/** A statement that reads only has nothing to be delivered. */
export function writesNothing(statement: Statement | undefined): boolean {
  return statement?.kind === 'query';
}

function judge(statement: Statement): string | undefined {
  const form = judgeForm(statement);
  if (form !== undefined) return form;
  let reason: string | undefined;
  walk(statement, {
    query: () => {
      reason ??= 'it reads rows of its own, which may be others later';
    },
    expression: (expression) => {
      switch (expression.kind) {
        case 'call':
          if (expression.schema !== undefined || !isDeterministic(expression.name.toUpperCase()))
            reason ??= `${expression.name}() may answer something else later`;
          return;
        case 'assignment':
        case 'userVariable':
          reason ??= 'it uses user variables';
          return;
        case 'systemVariable':
          reason ??= 'it reads system variables';
          return;
        default:
      }
    },
  });
  return reason;
}

function judgeForm(statement: Statement): string | undefined {
  switch (statement.kind) {
    case 'insert':
      if (statement.source.kind === 'query') return 'INSERT ... SELECT reads rows that may be others later';
      if (statement.priority === 'DELAYED') return 'DELAYED rows are not part of a transaction';
      return statement.returning === undefined ? undefined : 'RETURNING answers rows';
    case 'update':
    case 'delete':
      if (statement.limit !== undefined) return 'LIMIT may choose other rows later';
      if (statement.returning !== undefined) return 'RETURNING answers rows';
      if (statement.tables.length !== 1 || statement.tables[0]?.kind !== 'table') return 'it joins several tables';
      return undefined;
    default:
      return `${statement.kind === 'other' ? statement.verb : statement.kind.toUpperCase()} cannot be delivered later`;
  }
}
