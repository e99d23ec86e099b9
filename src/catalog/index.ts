/** The schema of logical databases as frozen values. */
export type { Collation, Column, SchemaSnapshot, TableSchema } from './schema-snapshot.ts';
