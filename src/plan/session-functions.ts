/** Functions and variables whose answer the session knows: spliced into a text, heading and type kept. */
import { isMeshVariable } from '../session/index.ts';
import type { Call, Expression, SelectItem, Span, SystemVariable } from '../sql/index.ts';
import type { Edit, StatementText } from './rewrite.ts';
import { visitNodes } from './syntax-walk.ts';
import type { SessionFacts } from './types.ts';

/** LAST_INSERT_ID() is not among them: its value is replayed on the lease before the statement. */
const functions: Readonly<Record<string, string>> = {
  DATABASE: 'database',
  SCHEMA: 'database',
  CONNECTION_ID: 'connectionId',
  USER: 'user',
  SESSION_USER: 'user',
  SYSTEM_USER: 'user',
  CURRENT_USER: 'currentUser',
  FOUND_ROWS: 'foundRows',
  ROW_COUNT: 'rowCount',
};

/** Variables that only the mesh knows: its transactions, connections and lists of warnings are not the backends'. */
const variables: Readonly<Record<string, string>> = {
  autocommit: 'autocommit',
  warning_count: 'warningCount',
  error_count: 'errorCount',
  pseudo_thread_id: 'connectionId',
};

/** Name of the fact that an expression asks for, or undefined. */
export function factName(expression: { readonly kind: string }): string | undefined {
  if (expression.kind === 'call') {
    const call = expression as Call;
    if (call.schema !== undefined || call.args.length > 0 || call.star || call.over !== undefined) return undefined;
    return functions[call.name];
  }
  if (expression.kind !== 'systemVariable') return undefined;
  const variable = expression as SystemVariable;
  if (variable.scope !== 'session' && variable.scope !== 'default') return undefined;
  const name = variable.name.toLowerCase();
  if (isMeshVariable(name)) return name;
  // All other variables have been replayed on the lease: the server answers with its own types.
  return variables[name];
}

/** Splices for every such expression below `root`. */
export function factEdits(root: unknown, text: StatementText): Edit[] {
  const edits: Edit[] = [];
  visitNodes(root, (node) => {
    const name = factName(node);
    if (name === undefined) return undefined;
    edits.push({
      at: node,
      pieces: [{ kind: 'fact', name, from: text.position(node.start, false), to: text.position(node.end, true) }],
    });
    return false;
  });
  return edits;
}

/** The heading that a select item had before any edit inside of it: spliced as an alias. Undefined where it has one, or is a plain column. */
export function headingEdit(item: SelectItem, text: StatementText): Edit | undefined {
  if (item.alias !== undefined || item.expression.kind === 'star' || item.expression.kind === 'column')
    return undefined;
  const span: Span = item.expression;
  if (span.end - span.start > 256) return undefined;
  const end = text.position(span.end, true);
  return {
    at: { start: span.end, end: span.end },
    pieces: [{ kind: 'heading', from: text.position(span.start, false), to: end }],
  };
}

/** SQL text of a fact. */
export function factText(facts: SessionFacts, name: string): string | undefined {
  switch (name) {
    case 'database':
      return facts.database === undefined ? 'NULL' : systemText(facts.database);
    case 'connectionId':
      return `CAST(${facts.connectionId} AS UNSIGNED)`;
    case 'user':
      return systemText(facts.user);
    case 'currentUser':
      return systemText(facts.currentUser);
    case 'foundRows':
      return bigint(facts.foundRows);
    case 'rowCount':
      return bigint(facts.rowCount);
    case 'warningCount':
      return unsignedBigint(facts.warningCount);
    case 'errorCount':
      return unsignedBigint(facts.errorCount);
    case 'autocommit':
      return bigint(facts.autocommit ? 1n : 0n);
    case 'shardmesh_position':
      return systemText(facts.position.token);
    default:
      return isMeshVariable(name) ? systemText(facts.mesh[name]) : undefined;
  }
}

/** Value of a session function as it would be compared: only what routing may use. */
export function isFact(expression: Expression): boolean {
  return factName(expression) !== undefined;
}

/** As BIGINT: a literal alone would be INT, and so would CAST of it. */
function bigint(value: bigint): string {
  return `IF(1,${value},9223372036854775807)`;
}

function unsignedBigint(value: number): string {
  return `IF(1,CAST(${value} AS UNSIGNED),18446744073709551615)`;
}

/** Names are in the system character set. */
function systemText(text: string): string {
  return `CONVERT(${textLiteral(text)} USING utf8mb3)`;
}

/** A string literal that reads the same under every sql_mode and connection charset. */
function textLiteral(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) && !/['\\]/.test(text)
    ? `'${text}'`
    : `_utf8mb4 0x${Buffer.from(text, 'utf8').toString('hex')}`;
}
