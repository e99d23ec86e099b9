/** The schema of logical tables from CREATE TABLE statements, for `explain --schema`: no server is asked. */
import type { Collation, Column, SchemaSnapshot, TableSchema } from '../catalog/index.ts';
import type { RuleProblem } from '../rules/index.ts';
import { type ColumnDefinitionAst, type DdlStatement, Lexer, type LexMode, parse, TokenKind } from '../sql/index.ts';

/** How the file and the statement of `explain` are read. */
export const explainMode: LexMode = {
  charset: 'utf8',
  ansiQuotes: false,
  noBackslashEscapes: false,
  pipesAsConcat: false,
  highNotPrecedence: false,
  ignoreSpace: false,
  serverVersion: 101100,
  mariadb: true,
};

export interface DdlSchema {
  readonly snapshot: SchemaSnapshot;
  readonly problems: readonly RuleProblem[];
}

/** Reads every CREATE TABLE of the text; other statements are passed over. What is not understood is a problem with its line. */
export function schemaFromDdl(file: string, text: string, defaultCollation = 'utf8mb4_general_ci'): DdlSchema {
  const tables = new Map<string, TableSchema>();
  const problems: RuleProblem[] = [];
  const bytes = Buffer.from(text, 'utf8');
  const tokens = new Lexer().lex(bytes, explainMode);
  let at = 0;
  while (at < tokens.count && tokens.kinds[at] !== TokenKind.end) {
    const result = parse(tokens, at, explainMode);
    let end: number;
    if (result.ok) {
      end = result.end;
      const { statement } = result;
      if (
        statement.kind === 'ddl' &&
        statement.verb === 'CREATE' &&
        statement.object === 'TABLE' &&
        statement.columns.length > 0
      ) {
        const table = readTable(statement, bytes, defaultCollation);
        tables.set(table.name, table);
      }
    } else {
      const { message, line, at: offset } = result.problem;
      const column = offset - bytes.lastIndexOf(0x0a, Math.max(0, offset - 1));
      problems.push({
        file,
        line,
        column,
        code: 'SM_WRONG_VALUE',
        severity: 'warning',
        message: `this statement is not understood and left out: ${message}`,
      });
      if (result.problem.end === undefined) break;
      end = result.problem.end;
    }
    while (at < tokens.count && (tokens.starts[at] ?? 0) < end) at++;
  }
  const names = new Set(
    [...tables.values()].flatMap((table) => table.columns.flatMap((column) => column.collation ?? [])),
  );
  return {
    snapshot: {
      version: 1,
      tables,
      singleTables: new Map(),
      collations: new Map([...names].map((name) => [name, collation(name)])),
      missing: new Map(),
      mariadb: explainMode.mariadb,
      serverVersion: explainMode.serverVersion,
      defaultCollation,
      routines: new Set(),
    },
    problems,
  };
}

function readTable(statement: DdlStatement, bytes: Buffer, defaultCollation: string): TableSchema {
  const whole = withoutTexts(bytes.toString('utf8', statement.start, statement.end));
  const last = statement.columns.at(-1);
  const options = last === undefined ? '' : withoutTexts(bytes.toString('utf8', last.end, statement.end));
  const tableCollation = collationIn(options) ?? defaultCollation;
  const columns = statement.columns.map((column, ordinal) => readColumn(column, ordinal, bytes, tableCollation));
  const inline = statement.columns.find((column) => column.primaryKey);
  const listed = /\bPRIMARY\s+KEY\b[^(]*\(([^)]*)/i.exec(whole)?.[1];
  const primary =
    inline !== undefined
      ? [inline.name.name]
      : statement.uniqueKeys.find((key) => listed !== undefined && sameColumns(key, listed));
  const isPrimary = (column: Column): boolean =>
    primary?.some((name) => name.toLowerCase() === column.name.toLowerCase()) ?? false;
  const final = columns.map((column) => (isPrimary(column) ? { ...column, nullable: false } : column));
  return {
    name: statement.targets[0]?.table.name ?? '',
    view: false,
    columns: final,
    columnsByName: new Map(final.map((column) => [column.name.toLowerCase(), column])),
    primaryKey: primary ?? [],
    uniqueKeys: statement.uniqueKeys.filter(
      (key) =>
        key !== primary &&
        !(inline !== undefined && key.length === 1 && key[0] === inline.name.name) &&
        !key.includes(''),
    ),
  };
}

function sameColumns(key: readonly string[], listed: string): boolean {
  const names = listed.split(',').map((part) =>
    part
      .trim()
      .replace(/^`|`$/g, '')
      .replace(/[\s(`].*$/s, '')
      .toLowerCase(),
  );
  return (
    key.length > 0 && key.length <= names.length && key.every((name, index) => name.toLowerCase() === names[index])
  );
}

const typeNames: Readonly<Record<string, string>> = {
  integer: 'int',
  int4: 'int',
  middleint: 'mediumint',
  int1: 'tinyint',
  int2: 'smallint',
  int3: 'mediumint',
  int8: 'bigint',
  serial: 'bigint',
  bool: 'tinyint',
  boolean: 'tinyint',
  dec: 'decimal',
  numeric: 'decimal',
  fixed: 'decimal',
  number: 'decimal',
  real: 'double',
  float8: 'double',
  float4: 'float',
  character: 'char',
  nchar: 'char',
  national: 'varchar',
  nvarchar: 'varchar',
  varcharacter: 'varchar',
  varchar2: 'varchar',
  json: 'json',
  long: 'mediumtext',
  clob: 'longtext',
  raw: 'varbinary',
};
const characterTypes = new Set(['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'enum', 'set']);

function readColumn(ast: ColumnDefinitionAst, ordinal: number, bytes: Buffer, tableCollation: string): Column {
  const type = ast.type.trim().toLowerCase();
  const word = /^\w+/.exec(type)?.[0] ?? '';
  const dataType =
    type.startsWith('character varying') || type.startsWith('char varying') ? 'varchar' : (typeNames[word] ?? word);
  const [, first, second] = /\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)/.exec(type) ?? [];
  const rest = withoutTexts(bytes.toString('utf8', ast.start, ast.end)).slice(ast.name.end - ast.start);
  const generated = /\bAS\s*\(/i.test(rest);
  const nullable = !/\bNOT\s+NULL\b/i.test(rest) && word !== 'serial';
  const size = first === undefined ? undefined : Number(first);
  const isCharacter = characterTypes.has(dataType);
  const own = isCharacter
    ? /\bBINARY\b/i.test(rest)
      ? binaryOf(collationIn(rest) ?? tableCollation)
      : (collationIn(rest) ?? tableCollation)
    : undefined;
  return {
    name: ast.name.name,
    ordinal,
    dataType,
    columnType: type,
    unsigned: /\bunsigned\b|\bserial\b/.test(type),
    nullable,
    ...(own === undefined ? {} : { collation: own, charset: own.split('_', 1)[0] ?? own }),
    ...(isCharacter || /binary|blob/.test(dataType) ? { lengthMax: size ?? defaultLength[dataType] ?? 1 } : {}),
    ...(dataType === 'decimal' ? { precision: size ?? 10, scale: second === undefined ? 0 : Number(second) } : {}),
    ...(['datetime', 'timestamp', 'time'].includes(dataType) ? { fractionDigits: size ?? 0 } : {}),
    autoIncrement: ast.autoIncrement,
    generated,
    hasDefault: !generated && (nullable || /\bDEFAULT\b/i.test(rest)),
    invisible: /\bINVISIBLE\b/i.test(rest),
  };
}

const defaultLength: Readonly<Record<string, number>> = {
  tinytext: 255,
  text: 65_535,
  mediumtext: 16_777_215,
  longtext: 4_294_967_295,
  tinyblob: 255,
  blob: 65_535,
  mediumblob: 16_777_215,
  longblob: 4_294_967_295,
};

/** COLLATE x, or the default collation of CHARACTER SET x. */
function collationIn(text: string): string | undefined {
  const collate = /\bCOLLATE\s*=?\s*['"`]?(\w+)/i.exec(text)?.[1];
  if (collate !== undefined) return collate.toLowerCase();
  const charset = /\b(?:CHARACTER\s+SET|CHARSET)\s*=?\s*['"`]?(\w+)/i.exec(text)?.[1]?.toLowerCase();
  if (charset === undefined) return undefined;
  return charset === 'binary' ? 'binary' : charset === 'latin1' ? 'latin1_swedish_ci' : `${charset}_general_ci`;
}

function binaryOf(name: string): string {
  return name === 'binary' ? name : `${name.split('_', 1)[0]}_bin`;
}

function collation(name: string): Collation {
  return {
    name,
    charset: name.split('_', 1)[0] ?? name,
    padSpace: name !== 'binary' && !/_nopad_|^utf8mb4_0900_/.test(name),
    binary: name === 'binary' || name.endsWith('_bin'),
  };
}

/** The text with strings and comments blanked, so that words in them are not taken for attributes; offsets stay. */
function withoutTexts(text: string): string {
  return text.replace(/'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|\/\*.*?\*\/|--\s[^\n]*|#[^\n]*/gs, (found) =>
    ' '.repeat(found.length),
  );
}
