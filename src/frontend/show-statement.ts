/** SHOW statements that the mesh answers from what it knows: databases, warnings, sessions, and itself. */
import { MeshError } from '../base/index.ts';
import { type Outcome, quietOutcome, writeLocalRows } from '../execute/index.ts';
import { type LocalRows, likePattern } from '../plan/index.ts';
import type { Expression, ShowStatement } from '../sql/index.ts';
import { databaseDenied, mayUse } from './accounts.ts';
import { ownStatement } from './own-statement.ts';
import type { CommandContext } from './session.ts';

export async function runShow(
  context: CommandContext,
  show: ShowStatement | undefined,
  like: string | undefined,
  text: Buffer,
): Promise<Outcome> {
  if (show?.where !== undefined)
    throw new MeshError('SM_UNSUPPORTED', { what: `SHOW ${show.what} ... WHERE`, reason: 'use LIKE' });
  const rows = show === undefined ? undefined : await answer(context, show, like, text);
  if (rows === undefined) {
    throw new MeshError('SM_UNSUPPORTED', {
      what: `SHOW ${show?.what ?? ''}`,
      reason: 'it tells of one server only; ask the server itself',
    });
  }
  return { ...quietOutcome, rows: writeLocalRows(context.reply, rows), affected: -1n };
}

function answer(
  context: CommandContext,
  show: ShowStatement,
  like: string | undefined,
  text: Buffer,
): LocalRows | undefined | Promise<LocalRows | undefined> {
  if (show.mesh !== undefined) return showMesh(context, show.mesh);
  switch (show.what) {
    case 'DATABASES':
      return databases(context, like);
    case 'WARNINGS':
      return show.limit === undefined
        ? diagnostics(context, false)
        : limited(context, diagnostics(context, false), text);
    case 'ERRORS':
      return show.limit === undefined ? diagnostics(context, true) : limited(context, diagnostics(context, true), text);
    case 'COUNT(*) WARNINGS':
      return count(context, false);
    case 'COUNT(*) ERRORS':
      return count(context, true);
    case 'PROCESSLIST':
      return processList(context, show.full);
    case 'GRANTS':
      refuseOthers(context, text);
      return grants(context);
    default:
      return undefined;
  }
}

function databases(context: CommandContext, like: string | undefined): LocalRows {
  const names = ['information_schema', ...context.session.snapshot.databases.keys()].filter((name) =>
    mayUse(context.account, name),
  );
  const shown = like === undefined ? names : names.filter((name) => likePattern(like).test(name));
  return {
    columns: [{ name: like === undefined ? 'Database' : `Database (${like})`, type: 'string' }],
    rows: shown.sort().map((name) => [name]),
  };
}

function diagnostics(context: CommandContext, errorsOnly: boolean): LocalRows {
  const list = context.session.state.diagnostics.filter((entry) => !errorsOnly || entry.level === 'Error');
  return {
    columns: [
      { name: 'Level', type: 'string' },
      { name: 'Code', type: 'int unsigned' },
      { name: 'Message', type: 'string' },
    ],
    rows: list.map((entry) => [entry.level, BigInt(entry.code), entry.message]),
  };
}

/** LIMIT of SHOW WARNINGS and SHOW ERRORS. */
function limited(context: CommandContext, rows: LocalRows, planned: Buffer): LocalRows {
  const { statement, text } = ownStatement(context, planned);
  const limit = statement.kind === 'show' ? statement.limit : undefined;
  if (limit === undefined) return rows;
  const number = (expression: Expression | undefined, otherwise: number): number => {
    if (expression === undefined) return otherwise;
    const digits = text.toString('latin1', expression.start, expression.end);
    if (/^\d{1,9}$/.test(digits)) return Number(digits);
    throw new MeshError('SM_UNSUPPORTED', { what: 'LIMIT of SHOW with an expression', reason: 'give a number' });
  };
  const offset = number(limit.offset, 0);
  return { ...rows, rows: rows.rows.slice(offset, offset + number(limit.count, rows.rows.length)) };
}

function count(context: CommandContext, errorsOnly: boolean): LocalRows {
  const rows = errorsOnly ? diagnostics(context, true).rows.length : context.session.state.warningCount;
  return {
    columns: [{ name: errorsOnly ? '@@session.error_count' : '@@session.warning_count', type: 'unsigned' }],
    rows: [[BigInt(rows)]],
  };
}

const INFO_LENGTH = 100;

async function processList(context: CommandContext, full: boolean): Promise<LocalRows> {
  const { session, account } = context;
  const rows = (await session.share.mesh.processes())
    .filter(({ user }) => account.admin || user === session.state.user)
    .map(({ id, user, host, database, running, seconds, state }) => [
      BigInt(id),
      user,
      host,
      database ?? null,
      running === undefined ? 'Sleep' : 'Query',
      BigInt(seconds),
      state,
      full || running === undefined ? (running ?? null) : running.slice(0, INFO_LENGTH),
    ]);
  return {
    columns: [
      { name: 'Id', type: 'integer' },
      { name: 'User', type: 'string' },
      { name: 'Host', type: 'string' },
      { name: 'db', type: 'string' },
      { name: 'Command', type: 'string' },
      { name: 'Time', type: 'integer' },
      { name: 'State', type: 'string' },
      { name: 'Info', type: 'text' },
    ],
    rows,
  };
}

/** SHOW GRANTS FOR somebody else: accounts are the configuration's, and nobody's to read. */
function refuseOthers(context: CommandContext, planned: Buffer): void {
  const { account, session } = context;
  const { statement, text } = ownStatement(context, planned);
  const words = text.toString('utf8', statement.start, statement.end);
  const who = /\bFOR\s+(.+?)\s*$/is.exec(words)?.[1]?.replace(/[\s'"`]/g, '');
  if (who === undefined || /^CURRENT_USER(\(\))?$/i.test(who)) return;
  if (who === account.user || who === `${account.user}@${account.host.text}`) return;
  throw databaseDenied(account, 'mysql', session.state.host);
}

function grants(context: CommandContext): LocalRows {
  const { account, session } = context;
  const who = `\`${account.user}\`@\`${account.host.text}\``;
  const rows = account.admin
    ? [`GRANT ALL PRIVILEGES ON *.* TO ${who} WITH GRANT OPTION`]
    : [
        `GRANT USAGE ON *.* TO ${who}`,
        ...(account.databases === 'all' ? [...session.snapshot.databases.keys()] : account.databases).map(
          (database) =>
            `GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX ON \`${database}\`.* TO ${who}`,
        ),
      ];
  return {
    columns: [{ name: `Grants for ${account.user}@${account.host.text}`, type: 'string' }],
    rows: rows.map((row) => [row]),
  };
}

function showMesh(context: CommandContext, words: readonly string[]): Promise<LocalRows | undefined> {
  if (!context.account.admin) throw new MeshError('ER_SPECIFIC_ACCESS_DENIED_ERROR', { privilege: 'SUPER' });
  return context.session.share.mesh.show(words);
}
