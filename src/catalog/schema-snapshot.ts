/** The schema of one logical database as a frozen, versioned value. Its loader lives in `control`. */

/** One column as the servers' information_schema tells it. */
export interface Column {
  readonly name: string;
  /** 0-based position in the table. */
  readonly ordinal: number;
  /** DATA_TYPE, lower case: 'int', 'bigint', 'decimal', 'varchar', 'datetime', 'enum' ... */
  readonly dataType: string;
  /** COLUMN_TYPE as is: "int(10) unsigned", "enum('a','b')", "decimal(10,2)". */
  readonly columnType: string;
  readonly unsigned: boolean;
  readonly nullable: boolean;
  /** For character types. */
  readonly charset?: string;
  readonly collation?: string;
  /** CHARACTER_MAXIMUM_LENGTH (bytes for binary types). */
  readonly lengthMax?: number;
  readonly precision?: number;
  readonly scale?: number;
  /** DATETIME_PRECISION: fractional digits. */
  readonly fractionDigits?: number;
  readonly autoIncrement: boolean;
  readonly generated: boolean;
  /** A DEFAULT clause exists (also DEFAULT NULL on a nullable column). */
  readonly hasDefault: boolean;
  /** MariaDB INVISIBLE columns / MySQL invisible columns: not part of `*`. */
  readonly invisible: boolean;
}

export interface TableSchema {
  readonly name: string;
  readonly view: boolean;
  readonly columns: readonly Column[];
  /** By lower-cased name: MySQL's column names are case-insensitive. */
  readonly columnsByName: ReadonlyMap<string, Column>;
  /** Column names, in key order; empty if none. */
  readonly primaryKey: readonly string[];
  readonly uniqueKeys: readonly (readonly string[])[];
}

export interface Collation {
  readonly name: string;
  readonly charset: string;
  readonly padSpace: boolean;
  /** `binary` or `*_bin`: equality is equality of bytes (except padding). */
  readonly binary: boolean;
}

/** What is known of a logical database's tables. Tables of sources that never answered are missing, and listed as such. */
export interface SchemaSnapshot {
  /** Increases with each change; part of every plan's identity. */
  readonly version: number;
  /** By logical name, exact case. Sharded tables are described by their first node that answered. */
  readonly tables: ReadonlyMap<string, TableSchema>;
  /** Unsharded tables found on the sources: logical name -> shard source name. */
  readonly singleTables: ReadonlyMap<string, string>;
  readonly collations: ReadonlyMap<string, Collation>;
  /** Shard source names whose schema has not been read, with the reason. */
  readonly missing: ReadonlyMap<string, string>;
  /** Backend family and version: 101100 for 10.11.0. */
  readonly mariadb: boolean;
  readonly serverVersion: number;
  /** @@character_set_database / @@collation_database of the default source's schema: defaults for new tables. */
  readonly defaultCollation: string;
  /** Stored functions by lower-cased name (they have side effects until proven otherwise), and procedures. */
  readonly routines: ReadonlySet<string>;
}
