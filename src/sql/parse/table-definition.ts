/** CREATE TABLE: columns, keys, constraints, and the query or table that it is made from. */
import type { ColumnDefinitionAst, Identifier } from '../ast.ts';
import { TokenKind } from '../tokens.ts';
import type { Cursor, Draft } from './cursor.ts';
import type { DdlDraft } from './ddl-draft.ts';
import { parseIdentifier, parseNameList, parseTableName, parseTableNames, startsName } from './names.ts';
import { parseQueryExpression, startsQuery } from './query.ts';

/** Reads what follows the table's name. */
export function parseCreateTable(cursor: Cursor, statement: DdlDraft): void {
  if (cursor.accept('LIKE')) {
    statement.references.push(parseTableName(cursor));
    return;
  }
  if (cursor.is('(') && cursor.symbol(1) === 'LIKE') {
    cursor.skip(2);
    statement.references.push(parseTableName(cursor));
    cursor.expect(')');
    return;
  }
  if (cursor.is('(') && !startsQueryInside(cursor)) parseElements(cursor, statement);
  parseOptions(cursor, statement);
}

function startsQueryInside(cursor: Cursor): boolean {
  return ['SELECT', 'WITH', 'VALUES', 'TABLE', '('].includes(cursor.symbol(1));
}

/** Table and partition options are skipped; a query, if any, ends the statement. */
function parseOptions(cursor: Cursor, statement: DdlDraft): void {
  for (;;) {
    if (cursor.atEnd) return;
    if (cursor.accept('AS')) {
      statement.query = parseQueryExpression(cursor);
      return;
    }
    const versioning = cursor.is('WITH') && (cursor.symbol(1) === 'SYSTEM' || cursor.symbol(1) === 'PARSER');
    if ((startsQuery(cursor) && !versioning) || (cursor.is('(') && startsQueryInside(cursor))) {
      statement.query = parseQueryExpression(cursor);
      return;
    }
    if (cursor.is('UNION') && (cursor.symbol(1) === '=' || cursor.symbol(1) === '(')) {
      parseMergedTables(cursor, statement);
    } else if (cursor.is('(')) {
      cursor.skipParentheses();
    } else if (cursor.is(')')) {
      throw cursor.unexpected();
    } else {
      cursor.advance();
    }
  }
}

/** `UNION = (t1, t2)` of the MERGE engine. */
export function parseMergedTables(cursor: Cursor, statement: DdlDraft): void {
  cursor.expect('UNION');
  cursor.accept('=');
  cursor.expect('(');
  if (!cursor.is(')')) statement.references.push(...parseTableNames(cursor));
  cursor.expect(')');
}

/** `(element, element, ...)`. */
function parseElements(cursor: Cursor, statement: DdlDraft): void {
  cursor.expect('(');
  do parseElement(cursor, statement);
  while (cursor.accept(','));
  cursor.expect(')');
}

/** A column, key or constraint; also what follows ADD in ALTER TABLE. */
export function parseElement(cursor: Cursor, statement: DdlDraft): void {
  if (parseConstraint(cursor, statement)) return;
  statement.columns.push(parseColumnDefinition(cursor, statement));
}

/** A key or constraint definition; false when a column begins here. */
export function parseConstraint(cursor: Cursor, statement: DdlDraft): boolean {
  let name: Identifier | undefined;
  const named = cursor.accept('CONSTRAINT');
  if (named) {
    cursor.acceptAll('IF', 'NOT', 'EXISTS');
    if (startsName(cursor)) name = parseIdentifier(cursor);
  }
  switch (cursor.symbol()) {
    case 'PRIMARY':
      cursor.expectAll('PRIMARY', 'KEY');
      statement.uniqueKeys.push(parseKeyBody(cursor));
      return true;
    case 'UNIQUE':
      cursor.advance();
      cursor.acceptOne('INDEX', 'KEY');
      statement.uniqueKeys.push(parseKeyBody(cursor));
      return true;
    case 'FOREIGN':
      cursor.expectAll('FOREIGN', 'KEY');
      cursor.acceptAll('IF', 'NOT', 'EXISTS');
      if (startsName(cursor)) {
        const index = parseIdentifier(cursor);
        if (name === undefined) statement.constraintNames.push(index);
      }
      if (name !== undefined) statement.constraintNames.push(name);
      parseNameList(cursor);
      cursor.expect('REFERENCES');
      statement.references.push(parseTableName(cursor));
      skipAttributes(cursor);
      return true;
    case 'CHECK':
      cursor.advance();
      if (name !== undefined) statement.constraintNames.push(name);
      cursor.skipParentheses();
      skipAttributes(cursor);
      return true;
    default:
      if (named) throw cursor.unexpected();
      return parsePlainKey(cursor);
  }
}

/** INDEX, KEY, FULLTEXT, SPATIAL, VECTOR and PERIOD FOR: nothing of them is kept. */
function parsePlainKey(cursor: Cursor): boolean {
  if (cursor.is('PERIOD') && cursor.symbol(1) === 'FOR') {
    cursor.skip(2);
    parseIdentifier(cursor);
    cursor.skipParentheses();
    return true;
  }
  const vector = cursor.is('VECTOR') && (cursor.symbol(1) === 'INDEX' || cursor.symbol(1) === 'KEY');
  if (cursor.acceptOne('FULLTEXT', 'SPATIAL') !== undefined || vector) {
    if (vector) cursor.advance();
    cursor.acceptOne('INDEX', 'KEY');
  } else if (cursor.acceptOne('INDEX', 'KEY') === undefined) {
    return false;
  }
  parseKeyBody(cursor);
  return true;
}

/** `[IF NOT EXISTS] [name] [USING type] (parts) options`. */
function parseKeyBody(cursor: Cursor): string[] {
  cursor.acceptAll('IF', 'NOT', 'EXISTS');
  if (!cursor.is('(') && !cursor.is('USING') && !(cursor.is('TYPE') && cursor.symbol(2) === '('))
    parseIdentifier(cursor);
  if (cursor.acceptOne('USING', 'TYPE') !== undefined) cursor.advance();
  const columns = parseKeyParts(cursor);
  skipAttributes(cursor);
  return columns;
}

/** `(a, b(10) DESC, (expr))`: the columns' names, '' for an expression. */
export function parseKeyParts(cursor: Cursor): string[] {
  const columns: string[] = [];
  cursor.expect('(');
  do {
    if (cursor.is('(')) {
      cursor.skipParentheses();
      columns.push('');
    } else {
      columns.push(parseIdentifier(cursor).name);
      if (cursor.is('(')) cursor.skipParentheses();
    }
    cursor.acceptOne('ASC', 'DESC');
    // MariaDB: a period without overlaps.
    cursor.acceptAll('WITHOUT', 'OVERLAPS');
  } while (cursor.accept(','));
  cursor.expect(')');
  return columns;
}

/** Tokens up to the `,` or `)` that ends an element. */
function skipAttributes(cursor: Cursor): void {
  while (!cursor.atEnd && !cursor.is(',') && !cursor.is(')')) {
    if (cursor.is('(')) cursor.skipParentheses();
    else cursor.advance();
  }
}

/** `name type attributes`. */
export function parseColumnDefinition(cursor: Cursor, statement: DdlDraft): ColumnDefinitionAst {
  const name = parseIdentifier(cursor);
  const from = cursor.start;
  const serial = cursor.is('SERIAL');
  skipColumnType(cursor);
  const column: Draft<ColumnDefinitionAst> = {
    start: name.start,
    end: cursor.end,
    name,
    type: cursor.decode(from, cursor.end),
    autoIncrement: serial,
    primaryKey: false,
    unique: serial,
  };
  parseColumnAttributes(cursor, statement, column);
  if (column.primaryKey || column.unique) statement.uniqueKeys.push([name.name]);
  column.end = cursor.end;
  return column;
}

const typeTail: ReadonlySet<string> = new Set(
  'UNSIGNED SIGNED ZEROFILL PRECISION VARYING VARCHAR VARCHARACTER CHAR CHARACTER BYTE VARBINARY'.split(' '),
);

/** The type's words and its parentheses; CHARACTER SET and what follows is no part of it. */
function skipColumnType(cursor: Cursor): void {
  if (cursor.kind() !== TokenKind.word) throw cursor.unexpected();
  cursor.advance();
  for (;;) {
    if (cursor.is('(')) cursor.skipParentheses();
    else if (typeTail.has(cursor.symbol()) && !cursor.are('CHARACTER', 'SET')) cursor.advance();
    else return;
  }
}

function parseColumnAttributes(cursor: Cursor, statement: DdlDraft, column: Draft<ColumnDefinitionAst>): void {
  let constraint: Identifier | undefined;
  while (!cursor.atEnd && !cursor.is(',') && !cursor.is(')')) {
    switch (cursor.symbol()) {
      case 'AUTO_INCREMENT':
        cursor.advance();
        column.autoIncrement = true;
        break;
      case 'PRIMARY':
        cursor.advance();
        cursor.accept('KEY');
        column.primaryKey = true;
        break;
      case 'UNIQUE':
        cursor.advance();
        cursor.accept('KEY');
        column.unique = true;
        break;
      case 'KEY':
        cursor.advance();
        column.primaryKey = true;
        break;
      case 'CONSTRAINT':
        cursor.advance();
        constraint = startsName(cursor) ? parseIdentifier(cursor) : undefined;
        break;
      case 'CHECK':
        cursor.advance();
        if (constraint !== undefined) statement.constraintNames.push(constraint);
        cursor.skipParentheses();
        break;
      case 'REFERENCES':
        cursor.advance();
        if (constraint !== undefined) statement.constraintNames.push(constraint);
        column.references = parseTableName(cursor);
        statement.references.push(column.references);
        break;
      case 'FIRST':
      case 'AFTER':
        // ALTER TABLE: where the column goes.
        if (cursor.accept('AFTER')) parseIdentifier(cursor);
        else cursor.advance();
        break;
      case '(':
        cursor.skipParentheses();
        break;
      default:
        cursor.advance();
    }
  }
}
