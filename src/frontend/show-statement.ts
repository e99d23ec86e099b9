/** SHOW statements that the mesh answers from what it knows: databases, warnings, sessions, and itself. */
import { MeshError } from '../base/index.ts';
import { type Outcome, quietOutcome, writeLocalRows } from '../execute/index.ts';
import { type LocalRows, likePattern } from '../plan/index.ts';
import type { ShowStatement } from '../sql/index.ts';
import { mayUse } from './accounts.ts';
import type { CommandContext } from './session.ts';

export function runShow(context: CommandContext, show: ShowStatement | undefined, like: string | undefined): Outcome {
  const rows = show === undefined ? undefined : answer(context, show, like);
  if (rows === undefined) {
    throw new MeshError('SM_UNSUPPORTED', {
      what: `SHOW ${show?.what ?? ''}`,
      reason: 'it tells of one server only; ask the server itself',
    });
  }
  return { ...quietOutcome, rows: writeLocalRows(context.reply, rows), affected: -1n };
}

function answer(context: CommandContext, show: ShowStatement, like: string | undefined): LocalRows | undefined {
  if (show.mesh !== undefined) return showMesh(context, show.mesh);
  switch (show.what) {
    case 'DATABASES':
    case 'SCHEMAS':
      return databases(context, like);
    case 'WARNINGS':
      return diagnostics(context, false);
    case 'ERRORS':
      return diagnostics(context, true);
    case 'COUNT WARNINGS':
    case 'COUNT(*) WARNINGS':
      return count(context, false);
    case 'COUNT ERRORS':
    case 'COUNT(*) ERRORS':
      return count(context, true);
    case 'PROCESSLIST':
      return processList(context, show.full);
    case 'GRANTS':
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

function count(context: CommandContext, errorsOnly: boolean): LocalRows {
  const rows = diagnostics(context, errorsOnly).rows.length;
  return {
    columns: [{ name: errorsOnly ? '@@session.error_count' : '@@session.warning_count', type: 'unsigned' }],
    rows: [[BigInt(rows)]],
  };
}

const INFO_LENGTH = 100;

function processList(context: CommandContext, full: boolean): LocalRows {
  const { session, account } = context;
  const rows = [...session.share.sessions.all()]
    .filter(({ session: other }) => account.admin || other.state.user === session.state.user)
    .map(({ session: other }) => {
      const { state } = other;
      const info = other.running ?? null;
      const seconds = other.running === undefined ? 0 : Math.floor((performance.now() - other.startedAt) / 1000);
      return [
        BigInt(state.connectionId),
        state.user,
        state.host,
        state.database ?? null,
        other.running === undefined ? 'Sleep' : 'Query',
        BigInt(seconds),
        other.backend.pin === undefined
          ? ''
          : `pinned to ${other.backend.pin.source}: ${[...other.backend.pin.reasons].join(', ')}`,
        full || info === null ? info : info.slice(0, INFO_LENGTH),
      ];
    });
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

function grants(context: CommandContext): LocalRows {
  const { account, session } = context;
  const who = `\`${account.user}\`@\`${account.hostPattern}\``;
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
    columns: [{ name: `Grants for ${account.user}@${account.hostPattern}`, type: 'string' }],
    rows: rows.map((row) => [row]),
  };
}

function showMesh(context: CommandContext, words: readonly string[]): LocalRows | undefined {
  if (!context.account.admin) throw new MeshError('ER_SPECIFIC_ACCESS_DENIED_ERROR', { privilege: 'SUPER' });
  return context.session.share.mesh.show(words);
}
