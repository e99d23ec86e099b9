/** INSERT of rows that were read before: literals made from their text, split by shard, keys generated. */
import { Buffer } from 'node:buffer';
import { MeshError } from '../base/index.ts';
import { type KeyValue, routeRow } from '../rules/index.ts';
import type { InsertStatement } from '../sql/index.ts';
import type { TableUse } from './across/types.ts';
import { keyColumnOf } from './key-columns.ts';
import { integerRange, storedKey } from './key-value.ts';
import type { PlanBuilder } from './plan-builder.ts';
import { quoteName } from './rewrite.ts';
import type { Scalar } from './scalar.ts';
import type { Action, BindInput, NameMap, Route, ShardQuery } from './types.ts';

type Row = readonly (Uint8Array | null)[];

const unquotable = new Set([
  'geometry',
  'point',
  'linestring',
  'polygon',
  'multipoint',
  'multilinestring',
  'multipolygon',
  'geometrycollection',
  'vector',
]);
/** Texts above this are sent as several statements of one write. */
const STATEMENT_MAX = 1 << 20;

export class RowsInsert {
  readonly #head: string;
  readonly #tail: string;
  readonly #target: TableUse;
  readonly #columns: readonly string[];
  readonly #builder: PlanBuilder;
  readonly #appended: string | undefined;

  constructor(statement: InsertStatement, target: TableUse, columns: readonly string[], builder: PlanBuilder) {
    this.#target = target;
    this.#columns = columns;
    this.#builder = builder;
    this.#head = `${statement.replace ? 'REPLACE' : 'INSERT'}${statement.priority === undefined ? '' : ` ${statement.priority}`}${statement.ignore ? ' IGNORE' : ''} INTO `;
    const { onDuplicateSpan } = statement;
    this.#tail = onDuplicateSpan === undefined ? '' : ` ${builder.text.slice(onDuplicateSpan)}`;
    const rule = target.meaning.kind === 'system' ? undefined : target.meaning.logical.keyGenerate;
    this.#appended = rule !== undefined && !columns.includes(rule.column.toLowerCase()) ? rule.column : undefined;
    this.#refuse(statement);
  }

  #refuse(statement: InsertStatement): void {
    // Known at bind time only, when this way is taken: the texts of ON DUPLICATE KEY UPDATE and values are those of the first plan.
    if (statement.onDuplicate.length > 0)
      this.#problem = {
        what: 'INSERT ... SELECT ... ON DUPLICATE KEY UPDATE over several nodes',
        reason: 'select and insert in two statements',
      };
    if (statement.returning !== undefined)
      this.#problem = { what: 'RETURNING', reason: 'the rows go to several nodes' };
    const { meaning, schema } = this.#target;
    const automatic = schema?.columns.find((column) => column.autoIncrement);
    if (
      automatic !== undefined &&
      meaning.kind !== 'single' &&
      meaning.kind !== 'system' &&
      meaning.logical.nodes.length > 1
    ) {
      const given =
        this.#columns.includes(automatic.name.toLowerCase()) ||
        this.#appended?.toLowerCase() === automatic.name.toLowerCase();
      if (!given)
        this.#problem = {
          what: `AUTO_INCREMENT of '${meaning.logical.name}.${automatic.name}' without a value`,
          reason: 'every node would count for itself; add keyGenerateStrategy for this column to the rules',
        };
    }
    for (const name of this.#columns) {
      const column = schema?.columnsByName.get(name);
      if (column !== undefined && unquotable.has(column.dataType))
        this.#problem = {
          what: `copying ${column.dataType} values between nodes`,
          reason: 'their text form is not exact',
        };
    }
  }

  #problem: { what: string; reason: string } | undefined;

  /** Turns the rows into writes. `rows` in the text protocol, NULL as null. */
  bind(input: BindInput, rows: readonly Row[], names: NameMap): Action | Promise<Action> {
    if (this.#problem !== undefined) return { kind: 'refuse', error: new MeshError('SM_UNSUPPORTED', this.#problem) };
    if (rows.length === 0) return { kind: 'reply', affected: 0n };
    const { meaning } = this.#target;
    if (this.#appended === undefined || meaning.kind === 'system') return this.#write(rows, undefined, names);
    const keys = input.keys.take(meaning.logical.keyGenerate!.generator.name, rows.length);
    return keys instanceof Promise
      ? keys.then((values) => this.#write(rows, values, names))
      : this.#write(rows, keys, names);
  }

  #write(rows: readonly Row[], keys: readonly (bigint | string)[] | undefined, names: NameMap): Action {
    const { meaning } = this.#target;
    const byNode = new Map<number, { source: string; table: string; rows: number[] }>();
    const add = (node: number, source: string, table: string, row: number): void => {
      const entry = byNode.get(node);
      if (entry === undefined) byNode.set(node, { source, table, rows: [row] });
      else entry.rows.push(row);
    };
    for (let row = 0; row < rows.length; row++) {
      if (meaning.kind === 'system')
        add(0, this.#builder.environment.rules.defaultSource, `${meaning.schema}.${meaning.table}`, row);
      else if (meaning.kind === 'sharded') {
        const node = this.#nodeOf(rows[row]!, keys?.[row]);
        add(node, meaning.logical.nodes[node]!.source, meaning.logical.nodes[node]!.table, row);
      } else for (const [index, node] of meaning.logical.nodes.entries()) add(index, node.source, node.table, row);
    }
    const queries: ShardQuery[] = [];
    for (const [, entry] of [...byNode].sort(([a], [b]) => a - b)) this.#texts(entry, rows, keys, queries);
    const nodes = [...byNode.values()].map((entry) => ({ source: entry.source, tables: [entry.table] }));
    const total = meaning.kind === 'system' ? 1 : meaning.logical.nodes.length;
    const route: Route = {
      target: nodes.length === 1 ? 'one' : nodes.length === total ? 'all' : 'some',
      role: 'primary',
      reason:
        meaning.kind === 'sharded' ? 'sharding key' : meaning.kind === 'broadcast' ? 'broadcast table' : 'single table',
      detail: 'rows read by the SELECT',
      nodes,
      nodesTotal: total,
    };
    const insertId = typeof keys?.[0] === 'bigint' ? { insertId: keys[0] } : {};
    return {
      kind: 'write',
      route,
      queries,
      affected: meaning.kind === 'broadcast' ? 'once' : 'sum',
      names,
      ...insertId,
    };
  }

  #nodeOf(row: Row, key: bigint | string | undefined): number {
    const { meaning, schema } = this.#target;
    if (meaning.kind !== 'sharded') return 0;
    const values = new Map<string, KeyValue>();
    for (const name of meaning.logical.shardingColumns) {
      const column = schema!.columnsByName.get(name)!;
      const at = this.#columns.indexOf(name);
      const cell = at < 0 ? undefined : row[at];
      let scalar: Scalar;
      if (cell === undefined)
        scalar =
          typeof key === 'bigint'
            ? { kind: 'integer', value: key }
            : key === undefined
              ? { kind: 'null' }
              : { kind: 'string', text: key };
      else if (cell === null) scalar = { kind: 'null' };
      else {
        const text = Buffer.from(cell).toString('utf8');
        scalar =
          integerRange(column) !== undefined && /^-?\d+$/.test(text)
            ? { kind: 'integer', value: BigInt(text) }
            : column.dataType === 'decimal'
              ? { kind: 'decimal', text }
              : { kind: 'string', text };
      }
      const stored = storedKey(keyColumnOf(this.#target, column, this.#builder.environment), scalar);
      if (stored.kind === 'null')
        throw new MeshError('SM_SHARDING_KEY_MISSING', { table: meaning.logical.name, column: column.name });
      if (stored.kind === 'uncertain')
        throw new MeshError('SM_UNSUPPORTED', {
          what: `this value for sharding column '${column.name}'`,
          reason: stored.reason,
        });
      values.set(name, stored.value);
    }
    const route = routeRow(meaning.logical, values, this.#builder.hints);
    if (route.kind === 'node') return route.node;
    throw new MeshError('SM_UNSUPPORTED', {
      what: `INSERT into '${meaning.logical.name}'`,
      reason: 'its lookup table is not asked by this version',
    });
  }

  #texts(
    entry: { source: string; table: string; rows: readonly number[] },
    rows: readonly Row[],
    keys: readonly (bigint | string)[] | undefined,
    into: ShardQuery[],
  ): void {
    const columns = [...this.#columns, ...(this.#appended === undefined ? [] : [this.#appended])]
      .map(quoteName)
      .join(', ');
    const table = this.#target.meaning.kind === 'system' ? entry.table : quoteName(entry.table);
    const head = Buffer.from(`${this.#head}${table} (${columns}) VALUES `);
    let parts: Uint8Array[] = [head];
    let size = head.length;
    const flush = (): void => {
      if (parts.length <= 1) return;
      parts.push(Buffer.from(this.#tail));
      into.push({ source: entry.source, text: Buffer.concat(parts), parameters: [], nodeTables: [entry.table] });
      parts = [head];
      size = head.length;
    };
    for (const row of entry.rows) {
      const text = this.#rowText(rows[row]!, keys?.[row]);
      if (size + text.length > STATEMENT_MAX && this.#target.meaning.kind !== 'broadcast') flush();
      if (parts.length > 1) parts.push(Buffer.from(', '));
      parts.push(text);
      size += text.length + 2;
    }
    flush();
  }

  #rowText(row: Row, key: bigint | string | undefined): Buffer {
    const parts: Uint8Array[] = [Buffer.from('(')];
    for (const [index, cell] of row.entries()) {
      if (index > 0) parts.push(Buffer.from(', '));
      parts.push(cell === null ? Buffer.from('NULL') : this.#quoted(cell, this.#columns[index]!));
    }
    if (this.#appended !== undefined)
      parts.push(Buffer.from(`, ${typeof key === 'bigint' ? key.toString() : `'${key ?? ''}'`}`));
    parts.push(Buffer.from(')'));
    return Buffer.concat(parts);
  }

  #quoted(cell: Uint8Array, column: string): Buffer {
    const type = this.#target.schema?.columnsByName.get(column)?.dataType ?? '';
    const backslash = !this.#builder.environment.mode.noBackslashEscapes;
    const out: number[] = [];
    for (const byte of cell) {
      if (byte === 0x27) out.push(0x27, 0x27);
      else if (byte === 0x5c && backslash) out.push(0x5c, 0x5c);
      else out.push(byte);
    }
    const binary = type.endsWith('blob') || type.endsWith('binary') || type === 'bit';
    return Buffer.concat([Buffer.from(binary ? "_binary'" : "'"), Buffer.from(out), Buffer.from("'")]);
  }
}
