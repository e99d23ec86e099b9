/** Administrative statements: the names that they hold are read, the rest is skipped to the statement's end. */
import type { Expression, Identifier, Literal, OtherStatement, Statement, TableName } from '../ast.ts';
import { TokenKind } from '../tokens.ts';
import { parseExpressions } from './call.ts';
import type { Cursor, Draft } from './cursor.ts';
import { parseDiagnostics } from './diagnostics.ts';
import { parseExpression } from './expression.ts';
import { parseStringLiteral } from './literal.ts';
import { parseIdentifier, parseTableName, parseTableNames, parseWordOrString } from './names.ts';
import { parseUserVariableName } from './primary.ts';
import { skipProgramStatement, startsCompound } from './program.ts';
import { parseLimit } from './query-tail.ts';
import { parsePartitions } from './table-factor.ts';

type Verb = OtherStatement['verb'];

interface Parts {
  readonly tables?: readonly TableName[];
  readonly name?: Identifier;
  readonly expressions?: readonly Expression[];
  readonly handler?: 'open' | 'read' | 'close';
}

function other(cursor: Cursor, start: number, verb: Verb, parts: Parts = {}): OtherStatement {
  const statement: Draft<OtherStatement> = {
    kind: 'other',
    start,
    end: cursor.end,
    verb,
    tables: parts.tables ?? [],
    expressions: parts.expressions ?? [],
  };
  if (parts.name !== undefined) statement.name = parts.name;
  if (parts.handler !== undefined) statement.handler = parts.handler;
  return statement;
}

/** Verbs that are two words, and verbs whose inside does not matter. The longest match comes first. */
const opaque: readonly (readonly [verb: Verb, ...words: string[]])[] = [
  ['LOCK INSTANCE', 'LOCK', 'INSTANCE'],
  ['UNLOCK INSTANCE', 'UNLOCK', 'INSTANCE'],
  ['RESET', 'RESET'],
  ['PURGE', 'PURGE'],
  ['GRANT', 'GRANT'],
  ['REVOKE', 'REVOKE'],
  ['RENAME USER', 'RENAME', 'USER'],
  ['SHUTDOWN', 'SHUTDOWN'],
  ['RESTART', 'RESTART'],
  ['INSTALL', 'INSTALL'],
  ['UNINSTALL', 'UNINSTALL'],
  ['CLONE', 'CLONE'],
  ['BINLOG', 'BINLOG'],
  ['CHANGE MASTER', 'CHANGE', 'MASTER'],
  ['CHANGE MASTER', 'CHANGE', 'REPLICATION'],
  ['START GROUP_REPLICATION', 'START', 'GROUP_REPLICATION'],
  ['STOP GROUP_REPLICATION', 'STOP', 'GROUP_REPLICATION'],
  ['START SLAVE', 'START', 'SLAVE'],
  ['START SLAVE', 'START', 'REPLICA'],
  ['START SLAVE', 'START', 'ALL'],
  ['STOP SLAVE', 'STOP', 'SLAVE'],
  ['STOP SLAVE', 'STOP', 'REPLICA'],
  ['STOP SLAVE', 'STOP', 'ALL'],
  ['XA', 'XA'],
  ['SIGNAL', 'SIGNAL'],
  ['RESIGNAL', 'RESIGNAL'],
  ['HELP', 'HELP'],
  ['BACKUP', 'BACKUP'],
  ['IMPORT TABLE', 'IMPORT', 'TABLE'],
];

/** Reads an administrative statement; undefined when none begins here. */
export function parseOther(cursor: Cursor): Statement | undefined {
  const { start } = cursor;
  for (const [verb, ...words] of opaque) {
    if (!cursor.are(...words)) continue;
    cursor.skip(words.length);
    cursor.skipToEnd();
    return other(cursor, start, verb);
  }
  const verb = cursor.symbol();
  switch (verb) {
    case 'USE': {
      cursor.advance();
      const schema = parseIdentifier(cursor);
      return { kind: 'use', start, end: cursor.end, schema };
    }
    case 'DO': {
      cursor.advance();
      const expressions = parseExpressions(cursor);
      return { kind: 'do', start, end: cursor.end, expressions };
    }
    case 'CALL':
      return parseCallStatement(cursor);
    case 'KILL':
      return parseKill(cursor);
    case 'ANALYZE':
    case 'CHECK':
    case 'CHECKSUM':
    case 'OPTIMIZE':
    case 'REPAIR':
      return parseMaintenance(cursor, verb);
    case 'LOCK':
      return parseLockTables(cursor);
    case 'UNLOCK':
      cursor.advance();
      if (cursor.acceptOne('TABLES', 'TABLE') === undefined) throw cursor.unexpected();
      return other(cursor, start, 'UNLOCK TABLES');
    case 'FLUSH':
      return parseFlush(cursor);
    case 'CACHE':
    case 'LOAD':
      return parseLoad(cursor);
    case 'PREPARE':
    case 'EXECUTE':
    case 'DEALLOCATE':
      return parsePrepared(cursor, verb);
    case 'HANDLER':
      return parseHandler(cursor);
    case 'GET':
      return parseDiagnostics(cursor);
    case 'RELOAD':
      cursor.advance();
      cursor.expect('MESH');
      return { kind: 'reload', start, end: cursor.end };
    default:
      if (cursor.are('MESH', 'RESOLVE')) return parseResolve(cursor);
      if (!startsCompound(cursor)) return undefined;
      skipProgramStatement(cursor);
      return other(cursor, start, 'COMPOUND');
  }
}

/** MESH RESOLVE 'gid' {COMMIT | ROLLBACK | RETRY | SKIP BRANCH 'id' | FORCE {COMMIT | ROLLBACK} BRANCH 'id'} [REASON 'text']. */
function parseResolve(cursor: Cursor): Statement {
  const { start } = cursor;
  cursor.skip(2);
  const gid = parseStringLiteral(cursor);
  const word = (['COMMIT', 'ROLLBACK', 'RETRY', 'SKIP', 'FORCE'] as const).find((each) => cursor.accept(each));
  if (word === undefined) throw cursor.unexpected('COMMIT');
  const outcome = word === 'FORCE' ? (['COMMIT', 'ROLLBACK'] as const).find((each) => cursor.accept(each)) : undefined;
  if (word === 'FORCE' && outcome === undefined) throw cursor.unexpected('COMMIT');
  let branch: Literal | undefined;
  if (word === 'SKIP' || word === 'FORCE') {
    cursor.expect('BRANCH');
    branch = parseStringLiteral(cursor);
  }
  const reason = cursor.accept('REASON') ? parseStringLiteral(cursor) : undefined;
  return {
    kind: 'resolve',
    start,
    end: cursor.end,
    gid,
    word,
    ...(outcome === undefined ? {} : { outcome }),
    ...(branch === undefined ? {} : { branch }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function parseCallStatement(cursor: Cursor): Statement {
  const { start } = cursor;
  cursor.expect('CALL');
  let name = parseTableName(cursor);
  if (cursor.accept('.')) {
    // db.package.procedure (MariaDB): the package keeps its database.
    const inner = parseIdentifier(cursor);
    name = { ...name, end: inner.end, table: inner };
  }
  let args: Expression[] = [];
  if (cursor.accept('(')) {
    if (!cursor.is(')')) args = parseExpressions(cursor);
    cursor.expect(')');
  }
  return { kind: 'call', start, end: cursor.end, name, args };
}

/** `KILL [HARD | SOFT] [CONNECTION | QUERY [ID]] expr`; `KILL USER name` is not understood. */
function parseKill(cursor: Cursor): Statement {
  const { start } = cursor;
  cursor.expect('KILL');
  cursor.acceptOne('HARD', 'SOFT');
  const target = cursor.acceptOne('CONNECTION', 'QUERY') === 'QUERY' ? 'query' : 'connection';
  // By query id, not by connection id (MariaDB): that id means nothing outside its server.
  if (cursor.is('ID') || cursor.is('USER')) throw cursor.unexpected();
  const id = parseExpression(cursor);
  return { kind: 'kill', start, end: cursor.end, target, id };
}

/** ANALYZE, CHECK, CHECKSUM, OPTIMIZE and REPAIR TABLE; of a view too (MariaDB). */
function parseMaintenance(cursor: Cursor, verb: Verb): OtherStatement {
  const { start } = cursor;
  cursor.advance();
  cursor.acceptOne('NO_WRITE_TO_BINLOG', 'LOCAL');
  if (cursor.acceptOne('TABLE', 'TABLES', 'VIEW') === undefined) throw cursor.unexpected();
  const tables: TableName[] = [];
  do {
    tables.push(parseTableName(cursor));
    // MariaDB: ANALYZE TABLE t PERSISTENT FOR COLUMNS (a) INDEXES (b), u
    if (cursor.accept('PERSISTENT')) {
      while (!cursor.atEnd && !cursor.is(',')) {
        if (cursor.is('(')) cursor.skipParentheses();
        else cursor.advance();
      }
    }
  } while (cursor.accept(','));
  cursor.skipToEnd();
  return other(cursor, start, verb, { tables });
}

/** `LOCK TABLES t [AS a] READ | WRITE, ...`. */
function parseLockTables(cursor: Cursor): OtherStatement {
  const { start } = cursor;
  cursor.expect('LOCK');
  if (cursor.acceptOne('TABLES', 'TABLE') === undefined) throw cursor.unexpected();
  const tables: TableName[] = [];
  do {
    tables.push(parseTableName(cursor));
    if (cursor.accept('AS')) parseIdentifier(cursor);
    else if (!cursor.is('READ') && !cursor.is('WRITE') && !cursor.is('LOW_PRIORITY') && !isConcurrent(cursor)) {
      parseIdentifier(cursor);
    }
    if (cursor.accept('READ')) cursor.accept('LOCAL');
    else {
      if (cursor.acceptOne('LOW_PRIORITY', 'CONCURRENT') !== undefined) cursor.acceptOne('WRITE');
      else cursor.expect('WRITE');
    }
  } while (cursor.accept(','));
  if (cursor.accept('WAIT')) cursor.advance();
  else cursor.accept('NOWAIT');
  return other(cursor, start, 'LOCK TABLES', { tables });
}

/** MariaDB: WRITE CONCURRENT. */
function isConcurrent(cursor: Cursor): boolean {
  return cursor.is('CONCURRENT') && cursor.symbol(1) === 'WRITE';
}

/** FLUSH TABLES names tables; the other kinds of FLUSH don't. */
function parseFlush(cursor: Cursor): OtherStatement {
  const { start } = cursor;
  cursor.expect('FLUSH');
  cursor.acceptOne('NO_WRITE_TO_BINLOG', 'LOCAL');
  let tables: TableName[] = [];
  if (cursor.acceptOne('TABLES', 'TABLE') !== undefined && !cursor.atEnd && !cursor.is('WITH') && !cursor.is(',')) {
    tables = parseTableNames(cursor);
  }
  cursor.skipToEnd();
  return other(cursor, start, 'FLUSH', { tables });
}

/** LOAD XML, LOAD INDEX INTO CACHE, CACHE INDEX. */
function parseLoad(cursor: Cursor): OtherStatement {
  const { start } = cursor;
  if (cursor.acceptAll('CACHE', 'INDEX')) {
    const tables = parseIndexedTables(cursor);
    return other(cursor, start, 'CACHE INDEX', { tables });
  }
  if (cursor.acceptAll('LOAD', 'INDEX', 'INTO', 'CACHE')) {
    const tables = parseIndexedTables(cursor);
    return other(cursor, start, 'LOAD INDEX', { tables });
  }
  cursor.expectAll('LOAD', 'XML');
  cursor.acceptOne('LOW_PRIORITY', 'CONCURRENT');
  cursor.accept('LOCAL');
  cursor.expect('INFILE');
  if (cursor.kind() !== TokenKind.string) throw cursor.unexpected();
  cursor.advance();
  cursor.acceptOne('REPLACE', 'IGNORE');
  cursor.expectAll('INTO', 'TABLE');
  const tables = [parseTableName(cursor)];
  cursor.skipToEnd();
  return other(cursor, start, 'LOAD XML', { tables });
}

/** `t [PARTITION (p)] [INDEX (i)] [IGNORE LEAVES], ... [IN cache]`. */
function parseIndexedTables(cursor: Cursor): TableName[] {
  const tables: TableName[] = [];
  do {
    tables.push(parseTableName(cursor));
    parsePartitions(cursor);
    if (cursor.acceptOne('INDEX', 'KEY') !== undefined) cursor.skipParentheses();
    if (cursor.accept('IGNORE')) cursor.expect('LEAVES');
  } while (cursor.accept(','));
  if (cursor.accept('IN')) parseWordOrString(cursor);
  return tables;
}

/** Text protocol's prepared statements, and MariaDB's EXECUTE IMMEDIATE. */
function parsePrepared(cursor: Cursor, verb: 'PREPARE' | 'EXECUTE' | 'DEALLOCATE'): OtherStatement {
  const { start } = cursor;
  cursor.advance();
  if (verb === 'DEALLOCATE') {
    cursor.expect('PREPARE');
    const name = parseIdentifier(cursor);
    return other(cursor, start, verb, { name });
  }
  if (verb === 'EXECUTE' && cursor.is('IMMEDIATE') && !isPlainExecute(cursor)) {
    cursor.advance();
    const expressions = [parseExpression(cursor), ...parseUsing(cursor)];
    return other(cursor, start, verb, { expressions });
  }
  const name = parseIdentifier(cursor);
  if (verb === 'EXECUTE') return other(cursor, start, verb, { name, expressions: parseUsing(cursor) });
  cursor.expect('FROM');
  const expressions = [parseExpression(cursor)];
  return other(cursor, start, verb, { name, expressions });
}

function isPlainExecute(cursor: Cursor): boolean {
  return cursor.symbol(1) === 'USING' || cursor.symbol(1) === ';' || cursor.kind(1) === TokenKind.end;
}

function parseUsing(cursor: Cursor): Expression[] {
  if (!cursor.accept('USING')) return [];
  if (cursor.mode.mariadb) return parseExpressions(cursor);
  const variables: Expression[] = [];
  do variables.push(parseUserVariableName(cursor));
  while (cursor.accept(','));
  return variables;
}

/** HANDLER t OPEN names a table; READ and CLOSE name a handler, which is a table's name or alias. */
function parseHandler(cursor: Cursor): OtherStatement {
  const { start } = cursor;
  cursor.expect('HANDLER');
  const table = parseTableName(cursor);
  let name = table.table;
  if (cursor.accept('OPEN')) {
    cursor.accept('AS');
    if (!cursor.atEnd) name = parseIdentifier(cursor);
    return other(cursor, start, 'HANDLER', { tables: [table], name, handler: 'open' });
  }
  if (cursor.accept('CLOSE')) return other(cursor, start, 'HANDLER', { name, handler: 'close' });
  cursor.expect('READ');
  const expressions = parseHandlerRead(cursor);
  return other(cursor, start, 'HANDLER', { name, expressions, handler: 'read' });
}

/** `[index] {FIRST | NEXT | PREV | LAST}` or `index = (values)`, then WHERE and LIMIT. */
function parseHandlerRead(cursor: Cursor): Expression[] {
  const expressions: Expression[] = [];
  cursor.advance();
  if (cursor.acceptOne('=', '<=', '>=', '<', '>') !== undefined) {
    cursor.expect('(');
    expressions.push(...parseExpressions(cursor));
    cursor.expect(')');
  } else {
    cursor.acceptOne('FIRST', 'NEXT', 'PREV', 'LAST');
  }
  if (cursor.accept('WHERE')) expressions.push(parseExpression(cursor));
  if (cursor.is('LIMIT')) parseLimit(cursor);
  return expressions;
}
