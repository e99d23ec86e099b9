/** An action as plain data, for golden cases and comparisons. */
import { type Action, mergeText, type ShardQuery } from '../../src/plan/index.ts';

function queryLine(query: ShardQuery): string {
  const parameters =
    query.parameters === undefined ? '' : ` -- params ${query.parameters.map((index) => index + 1).join(',')}`;
  return `${query.source}: ${Buffer.from(query.text).toString('utf8')}${parameters}`;
}

export function describeAction(action: Action): Record<string, unknown> {
  switch (action.kind) {
    case 'refuse':
      return { error: `${action.error.code}: ${action.error.message}` };
    case 'forward':
      return {
        kind: `forward ${action.access}`,
        route: `${action.route.target} ${action.route.reason}`,
        queries: [queryLine(action.query)],
        ...(action.insertId === undefined ? {} : { insertId: Number(action.insertId) }),
      };
    case 'pinned':
      return { kind: `pinned ${action.pin}`, queries: [queryLine(action.query)] };
    case 'scatter':
      return {
        kind: 'scatter',
        route: `${action.route.target} ${action.route.reason}`,
        queries: action.queries.map(queryLine),
        merge: mergeText(action.merge),
      };
    case 'write':
      return {
        kind: `write ${action.affected}`,
        route: `${action.route.target} ${action.route.reason}`,
        queries: action.queries.map(queryLine),
        ...(action.insertId === undefined ? {} : { insertId: Number(action.insertId) }),
      };
    case 'ddl':
      return {
        kind: 'ddl',
        route: `${action.route.target} ${action.route.reason}`,
        queries: action.queries.map(queryLine),
      };
    case 'scratch':
      return {
        kind: 'scratch',
        source: action.scratch.source,
        final: queryLine(action.scratch.final),
        feeds: action.scratch.feeds.map((feed) => feed.name),
      };
    case 'insertSelect':
      return { kind: 'insertSelect', read: describeAction(action.read) };
    case 'selectInto':
      return { kind: 'selectInto', read: describeAction(action.read) };
    case 'explain':
      return { kind: 'explain', of: describeAction(action.of) };
    case 'inspect':
      return {
        kind: 'inspect',
        ...(action.query === undefined ? {} : { queries: [action.query, ...(action.more ?? [])].map(queryLine) }),
      };
    case 'reply':
      return {
        kind: 'reply',
        ...(action.rows === undefined
          ? {}
          : {
              columns: action.rows.columns.map((column) => column.name),
              rows: action.rows.rows.map((row) => row.map(String)),
            }),
      };
    default:
      return { kind: action.kind };
  }
}
