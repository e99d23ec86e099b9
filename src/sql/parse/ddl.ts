/** CREATE, ALTER, DROP, TRUNCATE and RENAME: which object, which names; bodies and options are skipped safely. */
import type { DdlObject, DdlStatement } from '../ast.ts';
import { skipAccount, skipDefiner } from './account.ts';
import { parseAlterTable } from './alter-table.ts';
import type { Cursor } from './cursor.ts';
import { type DdlDraft, skipWait } from './ddl-draft.ts';
import { parseIdentifier, parseNameList, parseTableName, parseTableNames, parseWordOrString } from './names.ts';
import { parseQueryExpression } from './query.ts';
import { skipRoutine } from './routine.ts';
import { parseCreateTable, parseKeyParts } from './table-definition.ts';

function begin(start: number, verb: DdlStatement['verb']): DdlDraft {
  return {
    kind: 'ddl',
    start,
    end: start,
    verb,
    object: 'OTHER',
    temporary: false,
    orReplace: false,
    ifExists: false,
    ifNotExists: false,
    targets: [],
    renames: [],
    references: [],
    columns: [],
    renamedColumns: [],
    droppedColumns: [],
    uniqueKeys: [],
    constraintNames: [],
  };
}

/** Reads a statement that changes the schema; undefined when none begins here. */
export function parseDdl(cursor: Cursor): DdlStatement | undefined {
  const { start } = cursor;
  const verb = cursor.symbol();
  switch (verb) {
    case 'CREATE':
    case 'ALTER':
    case 'DROP':
      break;
    case 'TRUNCATE':
      return parseTruncate(cursor, begin(start, verb));
    case 'RENAME':
      return cursor.symbol(1) === 'USER' ? undefined : parseRename(cursor, begin(start, verb));
    default:
      return undefined;
  }
  const statement = begin(start, verb);
  cursor.advance();
  if (verb === 'DROP') parseDrop(cursor, statement);
  else parseCreateOrAlter(cursor, statement);
  statement.end = cursor.end;
  return statement;
}

function parseTruncate(cursor: Cursor, statement: DdlDraft): DdlStatement {
  cursor.advance();
  cursor.accept('TABLE');
  statement.object = 'TABLE';
  statement.targets = [parseTableName(cursor)];
  skipWait(cursor);
  statement.end = cursor.end;
  return statement;
}

/** `RENAME TABLE [IF EXISTS] a TO b, c TO d`. */
function parseRename(cursor: Cursor, statement: DdlDraft): DdlStatement {
  cursor.advance();
  if (cursor.acceptOne('TABLE', 'TABLES') === undefined) throw cursor.unexpected();
  statement.object = 'TABLE';
  statement.ifExists = cursor.acceptAll('IF', 'EXISTS');
  do {
    const from = parseTableName(cursor);
    skipWait(cursor);
    cursor.expect('TO');
    const to = parseTableName(cursor);
    statement.renames.push({ from, to });
    statement.targets.push(from, to);
  } while (cursor.accept(','));
  statement.end = cursor.end;
  return statement;
}

/** Words before the object's kind that do not matter here: UNIQUE, ALGORITHM = x, DEFINER = x, SQL SECURITY x, ... */
function parseModifiers(cursor: Cursor, statement: DdlDraft): { unique: boolean } {
  let unique = false;
  for (;;) {
    const symbol = cursor.symbol();
    if (symbol === 'OR' && cursor.symbol(1) === 'REPLACE' && statement.verb === 'CREATE') {
      cursor.skip(2);
      statement.orReplace = true;
    } else if (symbol === 'TEMPORARY') {
      cursor.advance();
      statement.temporary = true;
    } else if (symbol === 'UNIQUE') {
      cursor.advance();
      unique = true;
    } else if (symbol === 'DEFINER') {
      skipDefiner(cursor);
    } else if (symbol === 'ALGORITHM' && cursor.symbol(1) === '=') {
      cursor.skip(3);
    } else if (symbol === 'SQL' && cursor.symbol(1) === 'SECURITY') {
      cursor.skip(3);
    } else if (['ONLINE', 'OFFLINE', 'IGNORE', 'FULLTEXT', 'SPATIAL', 'VECTOR', 'AGGREGATE', 'UNDO'].includes(symbol)) {
      if (symbol === 'SPATIAL' && cursor.symbol(1) === 'REFERENCE') return { unique };
      cursor.advance();
    } else {
      return { unique };
    }
  }
}

const words: Readonly<Record<string, DdlObject>> = {
  TABLE: 'TABLE',
  TABLES: 'TABLE',
  INDEX: 'INDEX',
  VIEW: 'VIEW',
  DATABASE: 'DATABASE',
  SCHEMA: 'DATABASE',
  PROCEDURE: 'PROCEDURE',
  FUNCTION: 'FUNCTION',
  TRIGGER: 'TRIGGER',
  EVENT: 'EVENT',
  SEQUENCE: 'SEQUENCE',
  PACKAGE: 'PACKAGE',
  SERVER: 'SERVER',
  TABLESPACE: 'TABLESPACE',
  USER: 'USER',
  ROLE: 'ROLE',
};

function parseObject(cursor: Cursor): DdlObject {
  const word = cursor.symbol();
  if (cursor.acceptAll('LOGFILE', 'GROUP')) return 'LOGFILE GROUP';
  if (cursor.acceptAll('RESOURCE', 'GROUP') || cursor.accept('INSTANCE') || cursor.accept('LIBRARY')) return 'OTHER';
  if (cursor.acceptAll('SPATIAL', 'REFERENCE', 'SYSTEM')) return 'OTHER';
  const object = Object.hasOwn(words, word) ? words[word] : undefined;
  if (object === undefined) throw cursor.unexpected();
  cursor.advance();
  if (object === 'PACKAGE' && cursor.accept('BODY')) return 'PACKAGE BODY';
  return object;
}

function parseCreateOrAlter(cursor: Cursor, statement: DdlDraft): void {
  const { unique } = parseModifiers(cursor, statement);
  statement.object = parseObject(cursor);
  if (cursor.acceptAll('IF', 'NOT', 'EXISTS')) statement.ifNotExists = true;
  else if (cursor.acceptAll('IF', 'EXISTS')) statement.ifExists = true;
  const create = statement.verb === 'CREATE';
  switch (statement.object) {
    case 'TABLE':
      statement.targets.push(parseTableName(cursor));
      if (create) parseCreateTable(cursor, statement);
      else parseAlterTable(cursor, statement);
      break;
    case 'INDEX':
      if (!create) throw cursor.unexpected();
      parseCreateIndex(cursor, statement, unique);
      break;
    case 'VIEW':
      parseView(cursor, statement);
      break;
    case 'DATABASE':
      parseDatabase(cursor, statement, create);
      break;
    case 'SEQUENCE':
      statement.name = parseTableName(cursor);
      statement.targets.push(statement.name);
      cursor.skipToEnd();
      break;
    case 'PROCEDURE':
    case 'FUNCTION':
    case 'TRIGGER':
    case 'EVENT':
    case 'PACKAGE':
    case 'PACKAGE BODY':
      statement.name = parseTableName(cursor);
      skipRoutine(cursor, statement);
      break;
    case 'USER':
    case 'ROLE':
      skipAccount(cursor);
      cursor.skipToEnd();
      break;
    case 'SERVER':
    case 'TABLESPACE':
    case 'LOGFILE GROUP': {
      const { start, end, ...name } = parseWordOrString(cursor);
      statement.name = { start, end, table: { start, end, ...name } };
      cursor.skipToEnd();
      break;
    }
    default:
      cursor.skipToEnd();
  }
}

/** `CREATE INDEX name [type] ON t (columns) ...`. */
function parseCreateIndex(cursor: Cursor, statement: DdlDraft, unique: boolean): void {
  const index = parseIdentifier(cursor);
  statement.name = { start: index.start, end: index.end, table: index };
  if (cursor.acceptOne('USING', 'TYPE') !== undefined) cursor.advance();
  cursor.expect('ON');
  statement.targets.push(parseTableName(cursor));
  const columns = parseKeyParts(cursor);
  if (unique) statement.uniqueKeys.push(columns);
  cursor.skipToEnd();
}

/** `VIEW v [(columns)] AS query [WITH ... CHECK OPTION]`. */
function parseView(cursor: Cursor, statement: DdlDraft): void {
  statement.name = parseTableName(cursor);
  statement.targets.push(statement.name);
  if (cursor.is('(')) parseNameList(cursor);
  cursor.expect('AS');
  statement.query = parseQueryExpression(cursor);
  if (!cursor.accept('WITH')) return;
  cursor.acceptOne('CASCADED', 'LOCAL');
  cursor.expectAll('CHECK', 'OPTION');
}

/** ALTER DATABASE may leave the name out. */
function parseDatabase(cursor: Cursor, statement: DdlDraft, create: boolean): void {
  const option = ['CHARACTER', 'CHARSET', 'COLLATE', 'DEFAULT', 'COMMENT', 'ENCRYPTION', 'READ', 'UPGRADE'];
  if (create || !option.includes(cursor.symbol())) {
    const table = parseIdentifier(cursor);
    statement.name = { start: table.start, end: table.end, table };
  }
  cursor.skipToEnd();
}

function parseDrop(cursor: Cursor, statement: DdlDraft): void {
  parseModifiers(cursor, statement);
  statement.object = parseObject(cursor);
  statement.ifExists = cursor.acceptAll('IF', 'EXISTS');
  switch (statement.object) {
    case 'TABLE':
    case 'VIEW':
    case 'SEQUENCE':
      statement.targets = parseTableNames(cursor);
      if (statement.object !== 'TABLE') statement.name = statement.targets[0]!;
      skipWait(cursor);
      cursor.acceptOne('RESTRICT', 'CASCADE');
      break;
    case 'INDEX': {
      const index = parseDroppedIndex(cursor);
      statement.name = { start: index.start, end: index.end, table: index };
      cursor.expect('ON');
      statement.targets.push(parseTableName(cursor));
      cursor.skipToEnd();
      break;
    }
    case 'DATABASE': {
      const table = parseIdentifier(cursor);
      statement.name = { start: table.start, end: table.end, table };
      break;
    }
    case 'USER':
    case 'ROLE':
      skipAccount(cursor);
      cursor.skipToEnd();
      break;
    case 'PROCEDURE':
    case 'FUNCTION':
    case 'TRIGGER':
    case 'EVENT':
    case 'PACKAGE':
    case 'PACKAGE BODY':
      statement.name = parseTableName(cursor);
      break;
    case 'SERVER':
    case 'TABLESPACE':
    case 'LOGFILE GROUP': {
      const { start, end, ...name } = parseWordOrString(cursor);
      statement.name = { start, end, table: { start, end, ...name } };
      cursor.skipToEnd();
      break;
    }
    default:
      cursor.skipToEnd();
  }
}

/** An index name; PRIMARY is one, quoted or (MariaDB) not. */
function parseDroppedIndex(cursor: Cursor): ReturnType<typeof parseIdentifier> {
  return cursor.is('PRIMARY') ? parseWordOrString(cursor) : parseIdentifier(cursor);
}
