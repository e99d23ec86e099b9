export type { Collation, Column, SchemaSnapshot, TableSchema } from './schema-snapshot.ts';
