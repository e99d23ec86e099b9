/**
 * The typed syntax tree of MySQL 8/9 and MariaDB statements.
 *
 * Every node carries the byte span of its own text, so a rewrite splices the user's text and never re-prints it.
 * Literals are slots: a node says *where* a literal stands, never what it is. Whoever needs the value at plan time
 * asks the plan builder for it, which then makes the value part of the plan's identity (see plan/plan-cache.ts).
 */

/** Half-open byte range [start, end) in the statement's buffer (the buffer that was given to the lexer). */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A name as written. `name` is unquoted and decoded; case is kept. */
export interface Identifier extends Span {
  readonly name: string;
  /** Written in backticks (or double quotes under ANSI_QUOTES). */
  readonly quoted: boolean;
}

export type LiteralKind =
  | 'integer' // 42 (without sign: a minus is a unary operator)
  | 'decimal' // 4.2
  | 'float' // 4.2e1
  | 'string' // 'a' "a" 'a' 'b' N'a' _utf8mb4'a'
  | 'hex' // 0x1F x'1F'
  | 'bit' // 0b1 b'1'
  | 'null'
  | 'boolean' // TRUE FALSE
  | 'temporal'; // DATE'..' TIME'..' TIMESTAMP'..'

/** A literal. Its value is read with `literalValue(tokens, node)`; a planner reads it only through PlanBuilder.pin. */
export interface Literal extends Span {
  readonly kind: 'literal';
  readonly literalKind: LiteralKind;
  /** Fingerprint slot, or -1 for a literal that is part of the key as written (NULL, TRUE, FALSE outside row lists). */
  readonly slot: number;
  /** Index inside a list or rows slot; 0 in a scalar slot. */
  readonly element: number;
  /** First token of the literal (charset introducer included). */
  readonly token: number;
}

/** `?`; index counts from 0 in text order over the whole statement. */
export interface Parameter extends Span {
  readonly kind: 'parameter';
  readonly index: number;
}

/** `c`, `t.c` or `db.t.c`. */
export interface ColumnRef extends Span {
  readonly kind: 'column';
  readonly schema?: Identifier;
  readonly table?: Identifier;
  readonly column: Identifier;
}

/** `*` or `t.*` or `db.t.*`, in a select list only. */
export interface Star extends Span {
  readonly kind: 'star';
  readonly schema?: Identifier;
  readonly table?: Identifier;
}

/** `@name`. */
export interface UserVariable extends Span {
  readonly kind: 'userVariable';
  readonly name: string;
}

/** `@@name`, `@@session.name`, `@@global.name`, `@@local.name`; also `@@session.instance.name` as name. */
export interface SystemVariable extends Span {
  readonly kind: 'systemVariable';
  readonly scope: 'session' | 'global' | 'persist' | 'persist_only' | 'default';
  readonly name: string;
}

/** `@a := expr`. */
export interface Assignment extends Span {
  readonly kind: 'assignment';
  readonly variable: UserVariable;
  readonly value: Expression;
}

export interface Unary extends Span {
  readonly kind: 'unary';
  /** BINARY is the operator `BINARY expr`. */
  readonly operator: '-' | '+' | '~' | '!' | 'NOT' | 'BINARY' | 'PRIOR';
  readonly operand: Expression;
}

export type BinaryOperator =
  | 'OR'
  | 'XOR'
  | 'AND'
  | '='
  | '<=>'
  | '<>'
  | '<'
  | '<='
  | '>'
  | '>='
  | '|'
  | '&'
  | '<<'
  | '>>'
  | '+'
  | '-'
  | '*'
  | '/'
  | 'DIV'
  | '%'
  | '^'
  | '||' // string concatenation, only under sql_mode PIPES_AS_CONCAT; otherwise parsed as OR
  | '->'
  | '->>'
  | 'SOUNDS LIKE'
  | 'MEMBER OF';

/** `a op b`. `!=` is `<>`, `&&` is AND, `||` is OR (unless PIPES_AS_CONCAT), MOD is `%`. */
export interface Binary extends Span {
  readonly kind: 'binary';
  readonly operator: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
}

/** `a op {ANY | SOME | ALL} (subquery)`. */
export interface QuantifiedComparison extends Span {
  readonly kind: 'quantified';
  readonly operator: BinaryOperator;
  readonly quantifier: 'ANY' | 'ALL';
  readonly left: Expression;
  readonly query: QueryExpression;
}

export interface Between extends Span {
  readonly kind: 'between';
  readonly not: boolean;
  readonly operand: Expression;
  readonly low: Expression;
  readonly high: Expression;
}

export interface InList extends Span {
  readonly kind: 'inList';
  readonly not: boolean;
  readonly operand: Expression;
  readonly items: readonly Expression[];
  /** The list slot when every item is a scalar literal and the fingerprint folded them; else -1. */
  readonly listSlot: number;
  /** Inside of the parentheses: what is replaced when a list is split between shards. */
  readonly listSpan: Span;
}

export interface InSubquery extends Span {
  readonly kind: 'inSubquery';
  readonly not: boolean;
  readonly operand: Expression;
  readonly query: QueryExpression;
}

export interface Like extends Span {
  readonly kind: 'like';
  readonly not: boolean;
  readonly operator: 'LIKE' | 'REGEXP';
  readonly operand: Expression;
  readonly pattern: Expression;
  readonly escape?: Expression;
}

/** `a IS [NOT] {NULL | TRUE | FALSE | UNKNOWN | JSON ...}`. */
export interface Is extends Span {
  readonly kind: 'is';
  readonly not: boolean;
  readonly operand: Expression;
  readonly test: 'NULL' | 'TRUE' | 'FALSE' | 'UNKNOWN' | 'JSON';
}

export interface Case extends Span {
  readonly kind: 'case';
  readonly operand?: Expression;
  readonly branches: readonly { readonly when: Expression; readonly then: Expression }[];
  readonly otherwise?: Expression;
}

/** CAST(x AS type), CONVERT(x, type), CONVERT(x USING cs). The type stays text: see `typeSpan`. */
export interface Cast extends Span {
  readonly kind: 'cast';
  readonly operand: Expression;
  readonly typeSpan: Span;
  readonly type: string;
}

export interface Collate extends Span {
  readonly kind: 'collate';
  readonly operand: Expression;
  readonly collation: string;
}

/** `INTERVAL expr unit` as an operand of + - or of a date function. */
export interface Interval extends Span {
  readonly kind: 'interval';
  readonly value: Expression;
  readonly unit: string;
}

export interface Exists extends Span {
  readonly kind: 'exists';
  readonly query: QueryExpression;
}

export interface ScalarSubquery extends Span {
  readonly kind: 'subquery';
  readonly query: QueryExpression;
}

/** `(a, b)` or `ROW(a, b)`. */
export interface Row extends Span {
  readonly kind: 'row';
  readonly items: readonly Expression[];
}

/** `(expr)`: kept, because a span must cover its text; transparent to meaning. */
export interface Parenthesised extends Span {
  readonly kind: 'paren';
  readonly inner: Expression;
}

export interface MatchAgainst extends Span {
  readonly kind: 'match';
  readonly columns: readonly Expression[];
  readonly against: Expression;
}

/** DEFAULT, DEFAULT(c), VALUES(c) / VALUE(c). */
export interface ColumnValue extends Span {
  readonly kind: 'columnValue';
  readonly which: 'default' | 'values';
  readonly column?: ColumnRef;
}

/**
 * A function call, aggregates and window functions included. Special syntaxes (TRIM(LEADING x FROM y),
 * EXTRACT(unit FROM x), SUBSTRING(x FROM n), POSITION(a IN b), CHAR(x USING cs), TIMESTAMPDIFF(unit, a, b),
 * JSON_TABLE is a table factor) keep only their expression arguments, in text order.
 */
export interface Call extends Span {
  readonly kind: 'call';
  /** Upper-cased for built-in lookups; `schema` set for `db.f()`. */
  readonly name: string;
  readonly schema?: Identifier;
  readonly nameSpan: Span;
  readonly args: readonly Expression[];
  /** COUNT(*). */
  readonly star: boolean;
  readonly distinct: boolean;
  /** GROUP_CONCAT, JSON_ARRAYAGG (MariaDB). */
  readonly orderBy?: readonly OrderItem[];
  readonly separator?: Literal;
  readonly limit?: Limit;
  /** OVER w or OVER (...). */
  readonly over?: WindowSpec;
  /** Written without parentheses: CURRENT_TIMESTAMP, CURRENT_USER, LOCALTIME, UTC_DATE ... */
  readonly bare: boolean;
}

export interface WindowSpec extends Span {
  readonly name?: Identifier;
  readonly partitionBy: readonly Expression[];
  readonly orderBy: readonly OrderItem[];
  /** Frame text, if any. */
  readonly frame?: Span;
}

export type Expression =
  | Literal
  | Parameter
  | ColumnRef
  | UserVariable
  | SystemVariable
  | Assignment
  | Unary
  | Binary
  | QuantifiedComparison
  | Between
  | InList
  | InSubquery
  | Like
  | Is
  | Case
  | Cast
  | Collate
  | Interval
  | Exists
  | ScalarSubquery
  | Row
  | Parenthesised
  | MatchAgainst
  | ColumnValue
  | Call;

export interface OrderItem extends Span {
  readonly expression: Expression;
  readonly descending: boolean;
}

/** LIMIT n | LIMIT o, n | LIMIT n OFFSET o | FETCH FIRST n ROWS ONLY (MariaDB); the span holds the keywords. Operands are literals, parameters or (in programs) names. */
export interface Limit extends Span {
  readonly count?: Expression;
  readonly offset?: Expression;
  /** MariaDB: FETCH ... WITH TIES, LIMIT ROWS EXAMINED. The planner refuses these across shards. */
  readonly special?: 'with ties' | 'rows examined';
}

// ---- queries -----------------------------------------------------------------------------------------------

export interface SelectItem extends Span {
  readonly expression: Expression | Star;
  readonly alias?: Identifier;
}

/** A name in a FROM clause, INSERT INTO, UPDATE ... */
export interface TableName extends Span {
  readonly schema?: Identifier;
  readonly table: Identifier;
}

export type TableFactor = TableReference | DerivedTable | Join | ParenthesisedTables | TableFunction;

export interface TableReference extends Span {
  readonly kind: 'table';
  readonly name: TableName;
  readonly alias?: Identifier;
  readonly partitions: readonly Identifier[];
  /** USE/FORCE/IGNORE INDEX lists, as text. */
  readonly indexHints?: Span;
  /** FOR SYSTEM_TIME ... (MariaDB), TABLESAMPLE: text that the planner may only forward. */
  readonly special?: Span;
}

export interface DerivedTable extends Span {
  readonly kind: 'derived';
  readonly lateral: boolean;
  readonly query: QueryExpression;
  readonly alias?: Identifier;
  readonly columns: readonly Identifier[];
}

export interface Join extends Span {
  readonly kind: 'join';
  /** Comma and CROSS are `inner` without condition. STRAIGHT_JOIN is `inner`. */
  readonly type: 'inner' | 'left' | 'right' | 'full';
  readonly natural: boolean;
  readonly left: TableFactor;
  readonly right: TableFactor;
  readonly on?: Expression;
  readonly using: readonly Identifier[];
}

export interface ParenthesisedTables extends Span {
  readonly kind: 'tables';
  readonly tables: readonly TableFactor[];
}

/** JSON_TABLE(...), SEQUENCE functions. */
export interface TableFunction extends Span {
  readonly kind: 'function';
  readonly name: string;
  readonly args: readonly Expression[];
  readonly alias?: Identifier;
}

export type LockClause = { readonly mode: 'update' | 'share'; readonly span: Span };

/** One SELECT block, without the ORDER BY/LIMIT that belongs to an enclosing union. */
export interface SelectBlock extends Span {
  readonly kind: 'select';
  /** Span of the SELECT keyword itself. */
  readonly keyword: Span;
  readonly distinct: boolean;
  /** ALL, SQL_CALC_FOUND_ROWS, SQL_NO_CACHE, STRAIGHT_JOIN, HIGH_PRIORITY ... upper-cased. */
  readonly options: readonly string[];
  readonly items: readonly SelectItem[];
  /** Span of the whole select list: derived columns are appended at its end. */
  readonly itemsSpan: Span;
  readonly from: readonly TableFactor[];
  readonly where?: Expression;
  readonly groupBy: readonly OrderItem[];
  readonly groupBySpan?: Span;
  readonly rollup: boolean;
  readonly having?: Expression;
  readonly havingSpan?: Span;
  readonly windows: readonly { readonly name: Identifier; readonly spec: WindowSpec }[];
  readonly orderBy: readonly OrderItem[];
  /** `ORDER BY ...` with its keywords. */
  readonly orderBySpan?: Span;
  readonly limit?: Limit;
  /** `LIMIT ...` with its keyword. */
  readonly limitSpan?: Span;
  readonly lock?: LockClause;
  /** INTO OUTFILE / DUMPFILE / @vars. */
  readonly into?: { readonly kind: 'file' | 'variables'; readonly span: Span; readonly variables: readonly string[] };
}

/** VALUES ROW(...), ... or TABLE t as a query block. */
export interface ValuesBlock extends Span {
  readonly kind: 'values';
  readonly rows: readonly Row[];
  readonly orderBy: readonly OrderItem[];
  readonly orderBySpan?: Span;
  readonly limit?: Limit;
  readonly limitSpan?: Span;
}
export interface TableBlock extends Span {
  readonly kind: 'tableBlock';
  readonly name: TableName;
  readonly orderBy: readonly OrderItem[];
  readonly orderBySpan?: Span;
  readonly limit?: Limit;
  readonly limitSpan?: Span;
}

export interface SetOperation extends Span {
  readonly kind: 'setOperation';
  readonly operator: 'UNION' | 'EXCEPT' | 'INTERSECT';
  readonly all: boolean;
  readonly left: QueryBody;
  readonly right: QueryBody;
  readonly orderBy: readonly OrderItem[];
  readonly orderBySpan?: Span;
  readonly limit?: Limit;
  readonly limitSpan?: Span;
  readonly lock?: LockClause;
}

/** `( query )` as an operand of a set operation or a whole statement. */
export interface ParenthesisedQuery extends Span {
  readonly kind: 'parenQuery';
  readonly query: QueryExpression;
  readonly orderBy: readonly OrderItem[];
  readonly orderBySpan?: Span;
  readonly limit?: Limit;
  readonly limitSpan?: Span;
}

export type QueryBody = SelectBlock | ValuesBlock | TableBlock | SetOperation | ParenthesisedQuery;

export interface CommonTable extends Span {
  readonly name: Identifier;
  readonly columns: readonly Identifier[];
  readonly query: QueryExpression;
}

/** [WITH ...] body. */
export interface QueryExpression extends Span {
  readonly with: readonly CommonTable[];
  readonly recursive: boolean;
  readonly body: QueryBody;
}

// ---- statements --------------------------------------------------------------------------------------------

export interface SelectStatement extends Span {
  readonly kind: 'query';
  readonly query: QueryExpression;
}

export interface ColumnAssignment extends Span {
  readonly column: ColumnRef;
  readonly value: Expression;
}

export interface InsertStatement extends Span {
  readonly kind: 'insert';
  readonly replace: boolean;
  readonly ignore: boolean;
  readonly priority?: 'LOW_PRIORITY' | 'DELAYED' | 'HIGH_PRIORITY';
  readonly table: TableName;
  readonly partitions: readonly Identifier[];
  readonly columns: readonly Identifier[];
  /** Inside of the column list's parentheses; absent when there is no list. */
  readonly columnsSpan?: Span;
  /** Where a column list would be inserted if there is none (just after the table name and partitions). */
  readonly columnsAt: number;
  readonly source:
    | {
        readonly kind: 'values';
        readonly rows: readonly InsertRow[];
        /** From the first row's `(` to the last row's `)`. */
        readonly span: Span;
        /** The rows slot if the fingerprint folded the rows; else -1. */
        readonly rowsSlot: number;
      }
    | { readonly kind: 'set'; readonly assignments: readonly ColumnAssignment[]; readonly span: Span }
    | { readonly kind: 'query'; readonly query: QueryExpression };
  /** `VALUES ... AS new(a, b)`. */
  readonly rowAlias?: Identifier;
  readonly rowAliasColumns?: readonly Identifier[];
  readonly onDuplicate: readonly ColumnAssignment[];
  readonly onDuplicateSpan?: Span;
  readonly returning?: { readonly items: readonly SelectItem[]; readonly span: Span };
}
export interface InsertRow extends Span {
  readonly values: readonly Expression[];
}

export interface UpdateStatement extends Span {
  readonly kind: 'update';
  readonly with: readonly CommonTable[];
  readonly recursive: boolean;
  readonly ignore: boolean;
  readonly tables: readonly TableFactor[];
  readonly assignments: readonly ColumnAssignment[];
  readonly where?: Expression;
  readonly orderBy: readonly OrderItem[];
  readonly limit?: Limit;
  readonly returning?: Span;
}

export interface DeleteStatement extends Span {
  readonly kind: 'delete';
  readonly with: readonly CommonTable[];
  readonly recursive: boolean;
  readonly ignore: boolean;
  /** Multi-table forms: what to delete from, as written; empty in the single-table form. */
  readonly targets: readonly TableName[];
  /** Single-table form: one TableReference. */
  readonly tables: readonly TableFactor[];
  readonly where?: Expression;
  readonly orderBy: readonly OrderItem[];
  readonly limit?: Limit;
  readonly returning?: { readonly items: readonly SelectItem[]; readonly span: Span };
}

/** A definition of one column in CREATE TABLE / ALTER TABLE, as far as planning needs it. */
export interface ColumnDefinitionAst extends Span {
  readonly name: Identifier;
  readonly type: string;
  readonly autoIncrement: boolean;
  readonly primaryKey: boolean;
  readonly unique: boolean;
  /** `REFERENCES t (...)`. */
  readonly references?: TableName;
}

export type DdlObject =
  | 'TABLE'
  | 'INDEX'
  | 'VIEW'
  | 'DATABASE'
  | 'PROCEDURE'
  | 'FUNCTION'
  | 'TRIGGER'
  | 'EVENT'
  | 'SEQUENCE'
  | 'PACKAGE'
  | 'PACKAGE BODY'
  | 'SERVER'
  | 'TABLESPACE'
  | 'LOGFILE GROUP'
  | 'USER'
  | 'ROLE'
  | 'OTHER';

/** Every statement that changes the schema. Names are spans, so that each node gets its own physical names. */
export interface DdlStatement extends Span {
  readonly kind: 'ddl';
  readonly verb: 'CREATE' | 'ALTER' | 'DROP' | 'TRUNCATE' | 'RENAME';
  readonly object: DdlObject;
  readonly temporary: boolean;
  readonly orReplace: boolean;
  readonly ifExists: boolean;
  readonly ifNotExists: boolean;
  /** Tables that the statement changes: CREATE/ALTER/DROP/TRUNCATE TABLE, the table of CREATE/DROP INDEX, RENAME pairs flattened. */
  readonly targets: readonly TableName[];
  /** RENAME TABLE a TO b, ALTER TABLE a RENAME TO b. */
  readonly renames: readonly { readonly from: TableName; readonly to: TableName }[];
  /** Tables read or referred to: LIKE t, REFERENCES t, UNION=(t, ...), the table of a trigger; a view's or CTAS's query tables are in `query`. */
  readonly references: readonly TableName[];
  /** CREATE TABLE ... SELECT, CREATE VIEW ... AS SELECT. */
  readonly query?: QueryExpression;
  /** Column definitions, ADD/MODIFY/CHANGE COLUMN included. */
  readonly columns: readonly ColumnDefinitionAst[];
  /** ALTER TABLE ... CHANGE a b, RENAME COLUMN a TO b (a CHANGE that keeps the name is not listed). */
  readonly renamedColumns: readonly { readonly from: Identifier; readonly to: Identifier }[];
  /** ALTER TABLE ... DROP [COLUMN] a. */
  readonly droppedColumns: readonly Identifier[];
  /** Columns of each PRIMARY KEY / UNIQUE definition, those of a single column's definition included; '' for a part that is an expression. */
  readonly uniqueKeys: readonly (readonly string[])[];
  /** Names that must not repeat inside one physical schema when a table has several actual tables there: constraint and index names of FOREIGN KEY / CHECK constraints, those that ALTER TABLE drops or alters included. */
  readonly constraintNames: readonly Identifier[];
  /** For every object but TABLE: its own name (the first, if DROP lists several). Views and sequences are in `targets` too. */
  readonly name?: TableName;
}

export type SetTarget =
  | {
      readonly kind: 'system';
      readonly scope: 'session' | 'global' | 'persist' | 'persist_only' | 'default';
      readonly name: string;
    }
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'names'; readonly collation?: string } // value: literal, identifier word or DEFAULT
  | { readonly kind: 'charset' }
  | {
      readonly kind: 'transaction';
      readonly scope: 'session' | 'global' | 'next';
      readonly isolation?: string;
      readonly access?: 'READ ONLY' | 'READ WRITE';
    }
  | { readonly kind: 'password' | 'role' | 'default role' | 'resource group' };

export interface SetItem extends Span {
  readonly target: SetTarget;
  /** Absent for DEFAULT and for kinds without a value. A bare word (`SET sql_mode = ANSI`) is a ColumnRef. */
  readonly value?: Expression;
  readonly valueSpan?: Span;
  readonly isDefault: boolean;
}

export interface SetStatement extends Span {
  readonly kind: 'set';
  readonly items: readonly SetItem[];
  /** MariaDB: SET STATEMENT a=1 FOR <statement>. */
  readonly forStatement?: Statement;
}

/** SHOW ...: `what` is upper-cased words up to the first argument, for example 'TABLES', 'FULL COLUMNS' is what='COLUMNS', full=true. */
export interface ShowStatement extends Span {
  readonly kind: 'show';
  readonly what: string;
  readonly full: boolean;
  readonly extended: boolean;
  readonly scope?: 'session' | 'global';
  readonly table?: TableName;
  readonly schema?: Identifier;
  readonly like?: Literal;
  readonly where?: Expression;
  readonly limit?: Limit;
  /** SHOW MESH: the words after MESH, upper-cased. */
  readonly mesh?: readonly string[];
}

export interface TransactionStatement extends Span {
  readonly kind: 'transaction';
  readonly verb: 'begin' | 'commit' | 'rollback' | 'savepoint' | 'rollback to' | 'release';
  readonly readOnly?: boolean;
  readonly consistentSnapshot: boolean;
  readonly chain: boolean;
  readonly release: boolean;
  readonly savepoint?: Identifier;
}

/** Statements that are recognised, with the names that they hold, but whose inside is not needed. */
export interface OtherStatement extends Span {
  readonly kind: 'other';
  readonly verb:
    | 'ANALYZE'
    | 'CHECK'
    | 'CHECKSUM'
    | 'OPTIMIZE'
    | 'REPAIR' // table maintenance
    | 'LOCK TABLES'
    | 'UNLOCK TABLES'
    | 'LOCK INSTANCE'
    | 'UNLOCK INSTANCE'
    | 'FLUSH'
    | 'RESET'
    | 'PURGE'
    | 'CACHE INDEX'
    | 'LOAD INDEX'
    | 'GRANT'
    | 'REVOKE'
    | 'RENAME USER'
    | 'SHUTDOWN'
    | 'RESTART'
    | 'INSTALL'
    | 'UNINSTALL'
    | 'CLONE'
    | 'BINLOG'
    | 'CHANGE MASTER'
    | 'START SLAVE'
    | 'STOP SLAVE'
    | 'START GROUP_REPLICATION'
    | 'STOP GROUP_REPLICATION'
    | 'PREPARE'
    | 'EXECUTE'
    | 'DEALLOCATE'
    | 'HANDLER'
    | 'XA'
    | 'SIGNAL'
    | 'RESIGNAL'
    | 'HELP'
    | 'BACKUP'
    | 'COMPOUND' // BEGIN NOT ATOMIC ..., MariaDB
    | 'LOAD XML'
    | 'IMPORT TABLE';
  readonly tables: readonly TableName[];
  /** PREPARE name FROM 'text' | @var; EXECUTE name USING @a; DEALLOCATE PREPARE name; HANDLER name. */
  readonly name?: Identifier;
  readonly expressions: readonly Expression[];
  /** HANDLER. */
  readonly handler?: 'open' | 'read' | 'close';
}

/** `GET [CURRENT] DIAGNOSTICS @a = NUMBER, ...` or `... CONDITION n @a = MESSAGE_TEXT, ...`. */
export interface DiagnosticsStatement extends Span {
  readonly kind: 'diagnostics';
  /** Number of the condition; absent: the items are the statement's. */
  readonly condition?: Literal | UserVariable;
  /** Names of items are upper-cased. */
  readonly items: readonly { readonly variable: UserVariable; readonly item: string }[];
}

/** LOAD DATA [LOCAL] INFILE. */
export interface LoadStatement extends Span {
  readonly kind: 'load';
  readonly local: boolean;
  readonly file: Literal;
  readonly replace: boolean;
  readonly table: TableName;
  readonly partitions: readonly Identifier[];
  /** CHARACTER SET, lower-cased. */
  readonly charset?: string;
  readonly fieldsTerminated?: Literal;
  readonly fieldsEnclosed?: Literal;
  readonly fieldsEscaped?: Literal;
  readonly linesStarting?: Literal;
  readonly linesTerminated?: Literal;
  /** IGNORE n LINES. */
  readonly skip?: { readonly count: Literal } & Span;
  /** In the order of the file's fields; undefined: the field goes to a user variable. */
  readonly columns: readonly (Identifier | undefined)[];
  /** Inside of the parentheses. */
  readonly columnsSpan?: Span;
  /** Where a column list would stand. */
  readonly columnsAt: number;
  /** User variables of the column list. */
  readonly into: { readonly kind: 'variables'; readonly variables: readonly string[] } & Span;
  readonly assignments: readonly ColumnAssignment[];
}

export type Statement =
  | SelectStatement
  | InsertStatement
  | UpdateStatement
  | DeleteStatement
  | DdlStatement
  | SetStatement
  | ShowStatement
  | TransactionStatement
  | OtherStatement
  | DiagnosticsStatement
  | LoadStatement
  | ({ readonly kind: 'use'; readonly schema: Identifier } & Span)
  | ({ readonly kind: 'do'; readonly expressions: readonly Expression[] } & Span)
  | ({ readonly kind: 'call'; readonly name: TableName; readonly args: readonly Expression[] } & Span)
  | ({ readonly kind: 'kill'; readonly target: 'connection' | 'query'; readonly id: Expression } & Span)
  | ({
      readonly kind: 'explain';
      /** Text after FORMAT=, upper-cased (TRADITIONAL, JSON, TREE, MESH), '' if none; ANALYZE form: analyze true. */
      readonly format: string;
      readonly analyze: boolean;
      readonly statement?: Statement;
      readonly connection?: Expression;
    } & Span)
  | ({ readonly kind: 'describe'; readonly table: TableName; readonly column?: Literal | Identifier } & Span)
  | ({ readonly kind: 'reload' } & Span) // RELOAD MESH
  | ({
      /** MESH RESOLVE. */
      readonly kind: 'resolve';
      readonly gid: Literal;
      readonly word: 'COMMIT' | 'ROLLBACK' | 'RETRY' | 'SKIP' | 'FORCE';
      /** Of FORCE. */
      readonly outcome?: 'COMMIT' | 'ROLLBACK';
      /** Of SKIP and FORCE. */
      readonly branch?: Literal;
      readonly reason?: Literal;
    } & Span)
  | ({ readonly kind: 'empty' } & Span); // only comments

/** What `parse` answers for one statement of a packet. Never throws anything else. */
export type ParseResult =
  | {
      readonly ok: true;
      readonly statement: Statement;
      readonly parameterCount: number;
      /** Offset of the token after this statement's `;`, or the text's end. */
      readonly end: number;
      /** Index of that token. */
      readonly nextToken: number;
    }
  | { readonly ok: false; readonly problem: ParseProblem };

/** The text was not understood. It may still be valid SQL that this parser does not know. */
export interface ParseProblem {
  readonly message: string;
  /** Byte offset of the offending token. */
  readonly at: number;
  /** 1-based line of `at`. */
  readonly line: number;
  /** Whether the end of this statement is certain all the same (its terminator was found at the top level, outside any body). */
  readonly end: number | undefined;
}
