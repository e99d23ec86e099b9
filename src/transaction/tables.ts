/** The tables that transactions keep on every primary, as data: `shardmesh init-transactions` makes them, idempotently. */

/** Their schema: one on each server, whatever shards and logical databases live there. */
export const meshSchema = 'shardmesh';

export interface MeshTable {
  readonly name: string;
  /** What it is for, in one line; shown in docs/transactions.md. */
  readonly purpose: string;
  /** What stands between the parentheses of CREATE TABLE; the names of the columns are checked when the table exists already. */
  readonly definition: readonly string[];
}

/**
 * Times are milliseconds of the server's own clock (`serverTime`): no session's time zone or SET timestamp changes them.
 * A row that a branch writes has the branch in its key: two sources on one server must not wait for each other.
 */
export const meshTables: readonly MeshTable[] = [
  {
    name: 'identity',
    purpose: 'names the server; a replica that takes over has its primary’s',
    definition: ['k TINYINT NOT NULL PRIMARY KEY', 'server VARBINARY(8) NOT NULL', 'made BIGINT NOT NULL'],
  },
  {
    name: 'node',
    purpose: 'the heartbeats of the sidecars',
    definition: [
      'node VARBINARY(16) NOT NULL PRIMARY KEY',
      'host VARBINARY(255) NOT NULL',
      'beat BIGINT NOT NULL',
      'KEY (beat)',
    ],
  },
  {
    name: 'decision',
    purpose: 'XA: what became of a transaction, on its commit-point server; the key decides who may say so',
    definition: [
      'gid VARBINARY(64) NOT NULL PRIMARY KEY',
      'state TINYINT NOT NULL',
      'parts MEDIUMBLOB NOT NULL',
      'node VARBINARY(16) NOT NULL',
      'ts BIGINT NOT NULL',
      'done TINYINT NOT NULL DEFAULT 0',
      'KEY (done, ts)',
      'KEY (node)',
    ],
  },
  {
    name: 'mark',
    purpose: 'XA: that a branch’s changes are there, written inside of the branch',
    definition: [
      'gid VARBINARY(64) NOT NULL',
      'branch VARBINARY(64) NOT NULL',
      'parts MEDIUMBLOB NOT NULL',
      'ts BIGINT NOT NULL',
      'PRIMARY KEY (gid, branch)',
      'KEY (ts)',
    ],
  },
  {
    name: 'fence',
    purpose: 'XA: one row that every decision shares, and that an atomic snapshot holds for itself while it opens',
    definition: ['slot SMALLINT NOT NULL PRIMARY KEY', 'v BIGINT NOT NULL'],
  },
  {
    name: 'outbox',
    purpose: 'BEST_EFFORT: what a committed transaction still has to write elsewhere, and what could not be delivered',
    definition: [
      'gid VARBINARY(64) NOT NULL',
      'seq SMALLINT NOT NULL',
      'server VARBINARY(8) NOT NULL',
      'target VARBINARY(255) NOT NULL',
      'source VARBINARY(255) NOT NULL',
      'payload LONGBLOB NOT NULL',
      'state TINYINT NOT NULL',
      'made BIGINT NOT NULL',
      'next BIGINT NOT NULL',
      'tries INT NOT NULL DEFAULT 0',
      'epoch INT NOT NULL DEFAULT 0',
      "reason VARBINARY(4096) NOT NULL DEFAULT ''",
      'PRIMARY KEY (gid, seq)',
      'KEY (state, next)',
    ],
  },
  {
    name: 'inbox',
    purpose:
      'BEST_EFFORT: what has been delivered, written in the same local transaction, so that nothing is delivered twice',
    definition: [
      'gid VARBINARY(64) NOT NULL',
      'seq SMALLINT NOT NULL',
      'home VARBINARY(8) NOT NULL',
      'ts BIGINT NOT NULL',
      'PRIMARY KEY (gid, seq)',
      'KEY (ts)',
    ],
  },
  {
    name: 'barrier',
    purpose: 'services: which operations of a branch have run; written inside of the branch’s local transaction',
    definition: [
      'gid VARBINARY(128) NOT NULL',
      'branch VARBINARY(64) NOT NULL',
      'db VARBINARY(64) NOT NULL',
      'state TINYINT NOT NULL',
      'ts BIGINT NOT NULL',
      'PRIMARY KEY (gid, branch, db)',
      'KEY (ts)',
    ],
  },
  {
    name: 'audit',
    purpose: 'what operators decided by hand',
    definition: [
      'id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY',
      'ts BIGINT NOT NULL',
      'actor VARBINARY(255) NOT NULL',
      'gid VARBINARY(64) NOT NULL',
      'branch VARBINARY(255) NOT NULL',
      'action VARBINARY(64) NOT NULL',
      'reason BLOB NOT NULL',
      'detail BLOB NOT NULL',
      'KEY (gid)',
    ],
  },
];

/** Milliseconds since 1970 on the server's clock, also under a replayed SET timestamp. */
export const serverTime = 'CAST(UNIX_TIMESTAMP(SYSDATE(3))*1000 AS SIGNED)';

/** All statements that make the tables; each may be repeated. `identity`: what the server is called if it has no name yet. */
export function initStatements(identity: string): readonly string[] {
  return [
    `CREATE DATABASE IF NOT EXISTS ${meshSchema}`,
    ...meshTables.map(
      ({ name, definition }) =>
        `CREATE TABLE IF NOT EXISTS ${meshSchema}.${name} (${definition.join(', ')}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
    ),
    `INSERT IGNORE INTO ${meshSchema}.identity VALUES (1, '${identity}', ${serverTime})`,
    `INSERT IGNORE INTO ${meshSchema}.fence VALUES (0,0)`,
  ];
}

/** Column names of a table, in order. */
export function columnsOf({ definition }: MeshTable): readonly string[] {
  return definition
    .filter((part) => !/^(PRIMARY KEY|UNIQUE|KEY|INDEX)\b/.test(part))
    .map((part) => part.split(' ', 1)[0] as string);
}
