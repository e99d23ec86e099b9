/**
 * Every error that Shardmesh itself can answer. `docs/errors.md` is held equal to this table by a test.
 *
 * `ER_` rows repeat MySQL's own errno, SQLSTATE and wording. `SM_` rows are ours: errno 9000-9499, and `help` says what to do.
 */
export interface ErrorRow {
  readonly errno: number;
  readonly sqlState: string;
  /** With `{name}` places. */
  readonly text: string;
  /** What the reader can do about it; shown in docs/errors.md. */
  readonly help: string;
}

const row = (errno: number, sqlState: string, text: string, help: string): ErrorRow => ({
  errno,
  sqlState,
  text,
  help,
});
const mysql = 'MySQL’s own error: its manual describes it.';

export const errorTable = {
  // ---- MySQL's own ----
  ER_CON_COUNT_ERROR: row(
    1040,
    '08004',
    'Too many connections',
    'Raise `limits.connections` or close idle connections.',
  ),
  ER_HANDSHAKE_ERROR: row(1043, '08S01', 'Bad handshake', mysql),
  ER_DBACCESS_DENIED_ERROR: row(
    1044,
    '42000',
    "Access denied for user '{user}'@'{host}' to database '{database}'",
    'List the database under `users[].databases`.',
  ),
  ER_ACCESS_DENIED_ERROR: row(
    1045,
    '28000',
    "Access denied for user '{user}'@'{host}' (using password: {using})",
    'Check user and password in `users`.',
  ),
  ER_NO_DB_ERROR: row(1046, '3D000', 'No database selected', mysql),
  ER_UNKNOWN_COM_ERROR: row(1047, '08S01', 'Unknown command', mysql),
  ER_BAD_DB_ERROR: row(1049, '42000', "Unknown database '{database}'", mysql),
  ER_BAD_FIELD_ERROR: row(1054, '42S22', "Unknown column '{column}' in '{clause}'", mysql),
  ER_PARSE_ERROR: row(
    1064,
    '42000',
    "You have an error in your SQL syntax; check the manual that corresponds to your MariaDB server version for the right syntax to use near '{near}' at line {line}",
    mysql,
  ),
  ER_EMPTY_QUERY: row(1065, '42000', 'Query was empty', mysql),
  ER_WRONG_VALUE_COUNT_ON_ROW: row(1136, '21S01', "Column count doesn't match value count at row {row}", mysql),
  ER_TABLEACCESS_DENIED_ERROR: row(
    1142,
    '42000',
    "{command} command denied to user '{user}'@'{host}' for table {table}",
    'Grant the database to the user, or use an `admin: true` user.',
  ),
  ER_NO_SUCH_TABLE: row(1146, '42S02', "Table '{database}.{table}' doesn't exist", mysql),
  ER_NET_PACKET_TOO_LARGE: row(
    1153,
    '08S01',
    "Got a packet bigger than 'max_allowed_packet' bytes",
    'Raise `limits.maxAllowedPacket`.',
  ),
  ER_NET_PACKETS_OUT_OF_ORDER: row(1156, '08S01', 'Got packets out of order', mysql),
  ER_TOO_MANY_ROWS: row(1172, '42000', 'Result consisted of more than one row', mysql),
  ER_WRONG_NUMBER_OF_COLUMNS: row(
    1222,
    '21000',
    'The used SELECT statements have a different number of columns',
    mysql,
  ),
  ER_UNKNOWN_SYSTEM_VARIABLE: row(1193, 'HY000', "Unknown system variable '{name}'", mysql),
  ER_KILL_DENIED_ERROR: row(1095, 'HY000', 'You are not owner of thread {id}', mysql),
  ER_NO_SUCH_THREAD: row(1094, 'HY000', 'Unknown thread id: {id}', mysql),
  ER_USER_LIMIT_REACHED: row(
    1226,
    '42000',
    "User '{user}' has exceeded the '{resource}' resource (current value: {value})",
    'Close connections of the user, or raise `users[].connections`.',
  ),
  ER_SPECIFIC_ACCESS_DENIED_ERROR: row(
    1227,
    '42000',
    'Access denied; you need (at least one of) the {privilege} privilege(s) for this operation',
    'Use an `admin: true` user.',
  ),
  ER_LOCAL_VARIABLE: row(
    1228,
    'HY000',
    "Variable '{name}' is a SESSION variable and can't be used with SET GLOBAL",
    mysql,
  ),
  ER_WRONG_VALUE_FOR_VAR: row(1231, '42000', "Variable '{name}' can't be set to the value of '{value}'", mysql),
  ER_NOT_SUPPORTED_AUTH_MODE: row(
    1251,
    '08004',
    'Client does not support authentication protocol requested by server; consider upgrading MySQL client (it needs {plugin})',
    'Use a driver that knows this plugin, or store the password in a form that serves the driver’s.',
  ),
  ER_CANT_CHANGE_TX_CHARACTERISTICS: row(
    1568,
    '25001',
    "Transaction characteristics can't be changed while a transaction is in progress",
    mysql,
  ),
  ER_MAX_PREPARED_STMT_COUNT_REACHED: row(
    1461,
    '42000',
    "Can't create more than max_prepared_stmt_count statements (current value: {count})",
    'Close prepared statements.',
  ),
  ER_UNKNOWN_STMT_HANDLER: row(1243, 'HY000', 'Unknown prepared statement handler ({id}) given to {command}', mysql),
  ER_STMT_HAS_NO_OPEN_CURSOR: row(1421, 'HY000', 'The statement ({id}) has no open cursor.', mysql),
  ER_SP_DOES_NOT_EXIST: row(1305, '42000', '{kind} {name} does not exist', mysql),
  ER_UNSUPPORTED_PS: row(1295, 'HY000', 'This command is not supported in the prepared statement protocol yet', mysql),
  ER_QUERY_INTERRUPTED: row(1317, '70100', 'Query execution was interrupted', mysql),
  ER_DUP_UNKNOWN_STMT: row(1210, 'HY000', 'Incorrect arguments to {command}', mysql),
  ER_CLIENT_LOCAL_FILES_DISABLED: row(
    3948,
    '42000',
    'Loading local data is disabled; this must be enabled on both the client and server sides',
    'Allow the client to send files (`--local-infile=1` and the like), and set `local_infile=ON` on the servers.',
  ),
  ER_MALFORMED_PACKET: row(1835, 'HY000', 'Malformed communication packet', mysql),
  ER_SERVER_SHUTDOWN: row(1053, '08S01', 'Server shutdown in progress', 'Connect again.'),
  ER_CONNECTION_KILLED: row(1927, '70100', 'Connection was killed', mysql),

  // ---- ours: SQL ----
  SM_UNSUPPORTED: row(
    9001,
    '0A000',
    '{what} is not supported here: {reason}',
    'See docs/sql-support.md for what is, and the reason for a way around it.',
  ),
  SM_NOT_UNDERSTOOD: row(
    9002,
    '42000',
    'this statement is not understood near offset {at} (line {line}): {message}',
    'Rewrite the statement, or run it on the servers directly. It was not executed.',
  ),
  SM_PARSER_DISAGREE: row(
    9003,
    '0A000',
    'two parsers read this statement differently ({what}); it was not executed',
    'Add parentheses to make the statement plain, and report it.',
  ),
  SM_PIN_ELSEWHERE: row(
    9004,
    'HY000',
    'this statement needs state kept on source {pinned} ({reason}) but routes to {wanted}',
    'Release what pins the session (drop the temporary table, unlock, release the lock), or route the statement there.',
  ),
  SM_SHARDING_KEY_MISSING: row(
    9005,
    'HY000',
    "INSERT into '{table}' needs a value for its sharding column '{column}'",
    'Give the column a value, or a key generator in the rules.',
  ),
  SM_SHARDING_KEY_UPDATE: row(
    9006,
    '0A000',
    "UPDATE would change the sharding column '{column}' of '{table}'",
    'Delete the row and insert it anew.',
  ),
  SM_NO_SHARD_FOR_VALUE: row(
    9007,
    'HY000',
    "no shard of '{table}' takes {value}: {reason}",
    'Check the algorithm’s ranges against the value.',
  ),
  SM_RESULT_TOO_LARGE: row(
    9008,
    '54000',
    'merging this result needs more than {limit} bytes of memory',
    'Narrow the statement, or raise `limits.resultMemory`.',
  ),
  SM_UNKNOWN_SCHEMA_STATE: row(
    9009,
    'HY000',
    "the columns of '{table}' are not known yet: {reason}",
    'The sources have not been reached since the start; try again when they are up.',
  ),
  SM_STALE_PLAN: row(
    9010,
    'HY000',
    'the schema or the rules changed while this statement was planned',
    'Run the statement again.',
  ),

  // ---- ours: sources, leases, transactions ----
  SM_SOURCE_DOWN: row(
    9101,
    '08S01',
    "source '{source}' cannot be reached: {reason}",
    'Check the server; the other shards go on.',
  ),
  SM_SOURCE_LOST: row(
    9102,
    '08S01',
    "source '{source}' was lost while the statement ran: {reason}",
    'The statement may or may not have been executed there; check before repeating a write.',
  ),
  SM_POOL_TIMEOUT: row(
    9103,
    'HY000',
    "no free connection to source '{source}' within {ms} ms",
    'Raise `maxPoolSize`, or find what holds the connections (SHOW MESH PINS).',
  ),
  SM_PARTIAL_COMMIT: row(
    9104,
    'HY000',
    'COMMIT succeeded on [{committed}] and failed on [{failed}]: {reason}',
    'The data is not consistent between these sources: compare and repair. XA transactions prevent this.',
  ),
  SM_TRANSACTION_ABORTED: row(9105, '40000', 'the transaction was rolled back: {reason}', 'Begin it again.'),
  SM_XA_UNAVAILABLE: row(
    9106,
    '40000',
    "the transaction wrote to several sources and was rolled back: XA cannot be used on source '{source}': {reason}",
    'See the reason. Missing tables: run `shardmesh init-transactions -c FILE`. Or choose another transaction type.',
  ),
  SM_KEY_GENERATOR: row(9107, 'HY000', "key generator '{name}' cannot give a key: {reason}", 'See the reason.'),
  SM_DRAINING: row(9108, '08S01', 'this sidecar is shutting down', 'Connect again.'),
  SM_IMPLICIT_COMMIT: row(
    9109,
    '40000',
    "source '{source}' ended the transaction by itself",
    'Do not call procedures that commit, or run DDL, in a transaction over several shards.',
  ),
  SM_BARRIER: row(
    9113,
    '45000',
    'the barrier of branch {branch} does not let this run: {verdict}',
    'Answer the call with an error: the coordinator asks the barrier and knows. repeated: it has run; empty: nothing is to be undone; hanging: it was undone before, or it is too late; changed: call again.',
  ),
  SM_SNAPSHOT_UNAVAILABLE: row(
    9114,
    'HY000',
    "there is no snapshot of all sources (shardmesh_snapshot = 'atomic') now: {reason}",
    'Read again; `SHOW MESH TRANSACTIONS` lists transactions that do not end.',
  ),
  SM_STATEMENT_TIMEOUT: row(
    9110,
    'HY000',
    'the statement ran longer than {ms} ms and was stopped',
    'Raise `limits.statementTimeout`.',
  ),
  SM_PARTIAL_DDL: row(
    9111,
    'HY000',
    'the schema change succeeded on [{done}] and failed on {failed}: {reason}',
    'Correct the cause and run it again with IF [NOT] EXISTS, or finish it on the named node.',
  ),
  SM_NO_PRIMARY_NOW: row(
    9112,
    '08S01',
    "group '{group}' has no primary that can be written: {reason}",
    'Nothing was executed. Make one member writable and no replica; two that both took writes must be repaired by hand first.',
  ),

  // ---- ours: rules and configuration ----
  SM_NOT_DELIVERABLE: row(
    9130,
    '0A000',
    "BEST_EFFORT cannot leave this to be delivered to source '{source}': {reason}",
    'Give the values themselves, write less in one transaction, or use another `shardmesh_transaction_type`.',
  ),
  SM_TRANSACTION_TABLES: row(
    9131,
    'HY000',
    "source '{source}' has no tables for transactions: {reason}",
    'Run `shardmesh init-transactions`.',
  ),
  SM_IN_DOUBT: row(
    9132,
    // Not of class 40: drivers take that for rolled back, and some repeat it.
    'HY000',
    "whether transaction {gid} has committed is not known: source '{source}' does not answer",
    'Nothing has to be done to end it: it is committed everywhere or nowhere as soon as the source answers. Look at the data, or at `SHOW MESH TRANSACTIONS`, before doing it again.',
  ),
  SM_ALREADY_DECIDED: row(
    9133,
    'HY000',
    'transaction {gid} has {state} already',
    'RETRY, SKIP BRANCH or FORCE act on what is left of it.',
  ),
  SM_NO_SUCH_TRANSACTION: row(
    9135,
    'HY000',
    "no transaction '{gid}' waits to be resolved",
    'It has ended, or its server cannot be asked right now. `SHOW MESH TRANSACTIONS` lists what is open.',
  ),
  SM_OWNER_ALIVE: row(
    9136,
    'HY000',
    "transaction '{gid}' is still being ended by a sidecar that lives ({node})",
    'Wait, or end that sidecar. Committing it by hand would lose the part of its commit point.',
  ),
  SM_NO_SUCH_BRANCH: row(
    9134,
    'HY000',
    "transaction {gid} has no open branch '{branch}'",
    'List what is open with `SHOW MESH TRANSACTIONS`.',
  ),
  SM_CONFIG: row(9201, 'HY000', '{message}', 'Run `shardmesh check` on the file.'),
  SM_CHARSET_UNSAFE: row(
    9202,
    '0A000',
    "character set '{charset}' cannot be used as the connection's: its multi-byte characters may contain ASCII bytes",
    'Use utf8mb4.',
  ),
  SM_INTERNAL: row(9499, 'HY000', 'internal error: {message}', 'Please report this with the log around it.'),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;
