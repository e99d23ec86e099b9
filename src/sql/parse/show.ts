/** SHOW in its many forms. */
import type { ShowStatement } from '../ast.ts';
import { TokenKind } from '../tokens.ts';
import { skipAccount } from './account.ts';
import type { Cursor, Draft } from './cursor.ts';
import { parseExpression } from './expression.ts';
import { parseLiteral, parseStringLiteral } from './literal.ts';
import { parseAnyIdentifier, parseIdentifier, parseTableName, parseWordOrString } from './names.ts';
import { parseLimit } from './query-tail.ts';

/** Reads a SHOW statement. */
export function parseShow(cursor: Cursor): ShowStatement {
  const { start } = cursor;
  cursor.expect('SHOW');
  const statement: Draft<ShowStatement> = { kind: 'show', start, end: start, what: '', full: false, extended: false };
  if (cursor.is('MESH')) {
    parseMesh(cursor, statement);
  } else {
    statement.extended = cursor.accept('EXTENDED');
    statement.full = cursor.accept('FULL');
    parseSubject(cursor, statement);
    parseFilter(cursor, statement);
  }
  statement.end = cursor.end;
  return statement;
}

/** SHOW MESH and the words after it. */
function parseMesh(cursor: Cursor, statement: Draft<ShowStatement>): void {
  cursor.advance();
  statement.what = 'MESH';
  const words: string[] = [];
  while (!cursor.atEnd && !cursor.is('LIKE') && !cursor.is('WHERE') && !cursor.is('LIMIT')) {
    if (cursor.kind() === TokenKind.punctuation) throw cursor.unexpected();
    words.push(cursor.tokenText(cursor.at).toUpperCase());
    cursor.advance();
  }
  statement.mesh = words;
  parseFilter(cursor, statement);
  if (cursor.is('LIMIT')) statement.limit = parseLimit(cursor);
}

function parseFilter(cursor: Cursor, statement: Draft<ShowStatement>): void {
  if (cursor.accept('LIKE')) statement.like = parseStringLiteral(cursor);
  else if (cursor.accept('WHERE')) statement.where = parseExpression(cursor);
}

/** `{FROM | IN} db`. */
function parseSchema(cursor: Cursor, statement: Draft<ShowStatement>): void {
  if (cursor.acceptOne('FROM', 'IN') !== undefined) statement.schema = parseIdentifier(cursor);
}

/** `{FROM | IN} t [{FROM | IN} db]`. */
function parseTableOf(cursor: Cursor, statement: Draft<ShowStatement>): void {
  if (cursor.acceptOne('FROM', 'IN') === undefined) throw cursor.unexpected('FROM');
  statement.table = parseTableName(cursor);
  parseSchema(cursor, statement);
}

/** Subjects that are one fixed phrase; longer phrases first. */
const phrases: readonly (readonly [what: string, ...words: string[]])[] = [
  ['MASTER STATUS', 'MASTER', 'STATUS'],
  ['BINARY LOG STATUS', 'BINARY', 'LOG', 'STATUS'],
  ['BINARY LOG STATUS', 'BINLOG', 'STATUS'],
  ['BINARY LOGS', 'BINARY', 'LOGS'],
  ['BINARY LOGS', 'MASTER', 'LOGS'],
  ['SLAVE HOSTS', 'SLAVE', 'HOSTS'],
  ['SLAVE HOSTS', 'REPLICA', 'HOSTS'],
  ['SLAVE HOSTS', 'REPLICAS'],
  ['ALL SLAVES STATUS', 'ALL', 'SLAVES', 'STATUS'],
  ['ALL SLAVES STATUS', 'ALL', 'REPLICAS', 'STATUS'],
  ['PROCEDURE STATUS', 'PROCEDURE', 'STATUS'],
  ['FUNCTION STATUS', 'FUNCTION', 'STATUS'],
  ['LIBRARY STATUS', 'LIBRARY', 'STATUS'],
  ['PACKAGE BODY STATUS', 'PACKAGE', 'BODY', 'STATUS'],
  ['PACKAGE STATUS', 'PACKAGE', 'STATUS'],
  ['CHARACTER SET', 'CHARACTER', 'SET'],
  ['CHARACTER SET', 'CHARSET'],
  ['ENGINES', 'STORAGE', 'ENGINES'],
  ['ENGINES', 'ENGINES'],
  ['COLLATION', 'COLLATION'],
  ['DATABASES', 'DATABASES'],
  ['DATABASES', 'SCHEMAS'],
  ['PROCESSLIST', 'PROCESSLIST'],
  ['PRIVILEGES', 'PRIVILEGES'],
  ['PROFILES', 'PROFILES'],
  ['AUTHORS', 'AUTHORS'],
  ['CONTRIBUTORS', 'CONTRIBUTORS'],
  ['LOCALES', 'LOCALES'],
  ['USER_STATISTICS', 'USER_STATISTICS'],
  ['CLIENT_STATISTICS', 'CLIENT_STATISTICS'],
  ['INDEX_STATISTICS', 'INDEX_STATISTICS'],
  ['TABLE_STATISTICS', 'TABLE_STATISTICS'],
  ['USER_VARIABLES', 'USER_VARIABLES'],
];

function parseSubject(cursor: Cursor, statement: Draft<ShowStatement>): void {
  for (const [what, ...words] of phrases) {
    if (!cursor.are(...words)) continue;
    cursor.skip(words.length);
    statement.what = what;
    return;
  }
  const word = cursor.symbol();
  switch (word) {
    case 'TABLES':
    case 'TRIGGERS':
    case 'EVENTS':
      cursor.advance();
      statement.what = word;
      parseSchema(cursor, statement);
      return;
    case 'TABLE':
    case 'OPEN':
      cursor.advance();
      cursor.expect(word === 'TABLE' ? 'STATUS' : 'TABLES');
      statement.what = word === 'TABLE' ? 'TABLE STATUS' : 'OPEN TABLES';
      parseSchema(cursor, statement);
      return;
    case 'COLUMNS':
    case 'FIELDS':
      cursor.advance();
      statement.what = 'COLUMNS';
      parseTableOf(cursor, statement);
      return;
    case 'INDEX':
    case 'INDEXES':
    case 'KEYS':
      cursor.advance();
      statement.what = 'INDEX';
      parseTableOf(cursor, statement);
      return;
    case 'CREATE':
      cursor.advance();
      parseCreate(cursor, statement);
      return;
    case 'GLOBAL':
    case 'SESSION':
    case 'LOCAL':
    case 'VARIABLES':
    case 'STATUS':
      parseVariables(cursor, statement);
      return;
    case 'WARNINGS':
    case 'ERRORS':
      cursor.advance();
      statement.what = word;
      if (cursor.is('LIMIT')) statement.limit = parseLimit(cursor);
      return;
    case 'COUNT': {
      cursor.advance();
      cursor.expectAll('(', '*', ')');
      const subject = cursor.acceptOne('WARNINGS', 'ERRORS');
      if (subject === undefined) throw cursor.unexpected();
      statement.what = `COUNT(*) ${subject}`;
      return;
    }
    default:
      parseServerSubject(cursor, statement, word);
  }
}

/** `CREATE TABLE t`, `CREATE DATABASE [IF NOT EXISTS] d` and their like. */
function parseCreate(cursor: Cursor, statement: Draft<ShowStatement>): void {
  const object = cursor.acceptOne(
    'TABLE',
    'VIEW',
    'DATABASE',
    'SCHEMA',
    'PROCEDURE',
    'FUNCTION',
    'TRIGGER',
    'EVENT',
    'SEQUENCE',
    'PACKAGE',
    'LIBRARY',
    'SERVER', // biome-ignore format: a list
  );
  if (object === undefined) {
    if (!cursor.accept('USER')) throw cursor.unexpected();
    statement.what = 'CREATE USER';
    if (!cursor.atEnd) skipAccount(cursor);
    return;
  }
  statement.what = `CREATE ${object === 'SCHEMA' ? 'DATABASE' : object}`;
  if (object === 'PACKAGE' && cursor.is('BODY') && cursor.kind(1) !== TokenKind.end && cursor.symbol(1) !== ';') {
    cursor.advance();
    statement.what = 'CREATE PACKAGE BODY';
  }
  cursor.acceptAll('IF', 'NOT', 'EXISTS');
  if (object === 'DATABASE' || object === 'SCHEMA') statement.schema = parseIdentifier(cursor);
  else statement.table = parseTableName(cursor);
}

function parseVariables(cursor: Cursor, statement: Draft<ShowStatement>): void {
  const scope = cursor.acceptOne('GLOBAL', 'SESSION', 'LOCAL');
  if (scope !== undefined) statement.scope = scope === 'GLOBAL' ? 'global' : 'session';
  const what = cursor.acceptOne('VARIABLES', 'STATUS');
  if (what === undefined) throw cursor.unexpected();
  statement.what = what;
}

/** Subjects about the server and its replication, with options that only the server looks at. */
function parseServerSubject(cursor: Cursor, statement: Draft<ShowStatement>, word: string): void {
  switch (word) {
    case 'GRANTS':
      cursor.advance();
      statement.what = 'GRANTS';
      if (!cursor.accept('FOR')) return;
      skipAccount(cursor);
      if (cursor.accept('USING')) {
        do skipAccount(cursor);
        while (cursor.accept(','));
      }
      return;
    case 'PLUGINS':
      cursor.advance();
      statement.what = 'PLUGINS';
      if (cursor.accept('SONAME') && !cursor.is('LIKE')) parseStringLiteral(cursor);
      return;
    case 'ENGINE': {
      cursor.advance();
      parseWordOrString(cursor);
      const part = cursor.acceptOne('STATUS', 'MUTEX', 'LOGS');
      if (part === undefined) throw cursor.unexpected();
      statement.what = `ENGINE ${part}`;
      return;
    }
    case 'PROCEDURE':
    case 'FUNCTION':
      cursor.advance();
      cursor.expect('CODE');
      statement.what = `${word} CODE`;
      statement.table = parseTableName(cursor);
      return;
    case 'PROFILE':
      cursor.advance();
      statement.what = 'PROFILE';
      while (!cursor.atEnd && !cursor.is('LIMIT')) cursor.advance();
      if (cursor.is('LIMIT')) statement.limit = parseLimit(cursor);
      return;
    case 'EXPLAIN':
    case 'ANALYZE':
      // MariaDB: of another connection.
      cursor.advance();
      statement.what = word;
      if (cursor.accept('FORMAT')) {
        cursor.expect('=');
        parseWordOrString(cursor);
      }
      cursor.expect('FOR');
      if (parseLiteral(cursor) === undefined) throw cursor.unexpected();
      return;
    default:
      parseReplicationSubject(cursor, statement, word);
  }
}

function parseReplicationSubject(cursor: Cursor, statement: Draft<ShowStatement>, word: string): void {
  if (word === 'SLAVE' || word === 'REPLICA') {
    cursor.advance();
    const named = cursor.kind() === TokenKind.string;
    if (named) cursor.advance();
    cursor.expect('STATUS');
    statement.what = 'SLAVE STATUS';
    skipChannel(cursor);
    return;
  }
  if (word !== 'BINLOG' && word !== 'RELAYLOG') throw cursor.unexpected();
  cursor.advance();
  if (cursor.kind() === TokenKind.string) cursor.advance();
  cursor.expect('EVENTS');
  statement.what = `${word} EVENTS`;
  if (cursor.accept('IN')) parseStringLiteral(cursor);
  if (cursor.accept('FROM') && parseLiteral(cursor) === undefined) throw cursor.unexpected();
  if (cursor.is('LIMIT')) statement.limit = parseLimit(cursor);
  skipChannel(cursor);
}

function skipChannel(cursor: Cursor): void {
  if (!cursor.acceptAll('FOR', 'CHANNEL')) return;
  if (cursor.kind() === TokenKind.string) cursor.advance();
  else parseAnyIdentifier(cursor);
}
