/** LOAD DATA LOCAL: to the one node of its table, or line by line to the nodes that own the rows. */
import { MeshError } from '../base/index.ts';
import { type KeyValue, type LogicalTable, routeRow } from '../rules/index.ts';
import type { Expression, Literal, LoadStatement } from '../sql/index.ts';
import type { NodePlace, ResolvedStatement, TableUse } from './across/types.ts';
import type { Binding } from './compiled-plan.ts';
import { forwardAsIs } from './hinted.ts';
import { automaticError } from './insert.ts';
import { keyColumnOf } from './key-columns.ts';
import { integerRange, storedKey } from './key-value.ts';
import { requireSingleSource } from './other-statements.ts';
import { nameEdits, nameMap, type PlanBuilder } from './plan-builder.ts';
import { Resolver } from './resolve.ts';
import { type Edit, quoteName } from './rewrite.ts';
import type { Scalar } from './scalar.ts';
import { shardQuery } from './shard-query.ts';
import { physicalName } from './table-lookup.ts';
import type { Action, LoadFormat, LoadSplit, Route, SessionEffects } from './types.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Throws MeshError for what cannot be split exactly. */
export function compileLoad(statement: LoadStatement, builder: PlanBuilder, effects: SessionEffects): Binding {
  const source = builder.environment.rules.defaultSource;
  if (!statement.local) {
    requireSingleSource('LOAD DATA without LOCAL', builder);
    const detail = 'the database has one source';
    return forwardAsIs(source, 'write', builder, effects, { reason: 'single source', detail });
  }
  const resolver = new Resolver(builder.environment);
  const use = resolver.target(statement.table);
  const expressions = statement.assignments.flatMap(({ column, value }) => [column, value]) as Expression[];
  const resolved = resolver.besides(use, expressions, statement);
  const { meaning } = use;
  if (meaning.kind === 'system') throw refusal('LOAD DATA into a system table', 'ask the server itself');
  if (resolved.uses.length > 1) throw refusal('LOAD DATA with a subquery', 'set the column in a statement of its own');
  const load = new Load(statement, use, resolved, builder);
  return meaning.logical.nodes.length === 1 && load.generated === undefined ? load.alone() : load.split();
}

function refusal(what: string, reason: string): MeshError {
  return new MeshError('SM_UNSUPPORTED', { what, reason });
}

class Load {
  readonly #statement: LoadStatement;
  readonly #use: TableUse;
  readonly #builder: PlanBuilder;
  readonly #logical: LogicalTable;
  readonly #edits: readonly Edit[];
  readonly #names: ReturnType<typeof nameMap>;
  /** Lower-cased; undefined: a user variable. */
  readonly #columns: readonly (string | undefined)[];
  /** Column that the rules' generator fills, because the file has none for it. */
  readonly generated: string | undefined;

  constructor(statement: LoadStatement, use: TableUse, resolved: ResolvedStatement, builder: PlanBuilder) {
    if (use.meaning.kind === 'system') throw new MeshError('SM_INTERNAL', { message: 'a system table has no nodes' });
    this.#statement = statement;
    this.#use = use;
    this.#builder = builder;
    this.#logical = use.meaning.logical;
    this.#edits = nameEdits(statement, resolved, builder, new Set([use.index]));
    this.#names = nameMap([use], builder.environment);
    this.#columns =
      statement.columnsSpan !== undefined && statement.columns.length > 0
        ? statement.columns.map((column) => column?.name.toLowerCase())
        : (use.schema?.columns ?? []).filter((column) => !column.invisible).map((column) => column.name.toLowerCase());
    const rule = this.#logical.keyGenerate;
    const given = rule === undefined || this.#given(rule.column.toLowerCase());
    this.generated = given ? undefined : rule.column;
  }

  /** By the file or by SET. */
  #given(column: string): boolean {
    return (
      this.#columns.includes(column) ||
      this.#statement.assignments.some((assignment) => assignment.column.column.name.toLowerCase() === column)
    );
  }

  #fileName(): Uint8Array {
    return this.#bytes(this.#statement.file);
  }

  #bytes(literal: Literal): Uint8Array {
    const value = this.#builder.pin(literal);
    if (value.kind === 'string' || value.kind === 'binary') return value.bytes;
    throw refusal('this literal in LOAD DATA', 'write a string');
  }

  /** One node: the server asks for the file and reads it. */
  alone(): Binding {
    const node = this.#logical.nodes[0]!;
    const place: NodePlace = { source: node.source, tables: [physicalName(this.#use.meaning, 0, node.source)] };
    const template = this.#builder.text.whole(this.#edits);
    const infile = this.#fileName();
    const route: Route = {
      target: 'one',
      role: 'primary',
      reason: this.#use.meaning.kind === 'single' ? 'single table' : 'sharding key',
      detail: '',
      nodes: [place],
      nodesTotal: 1,
    };
    return {
      kind: 'load',
      bind: (input) => ({
        kind: 'forward',
        access: 'write',
        route,
        query: shardQuery(template, input, place),
        names: this.#names,
        infile,
      }),
    };
  }

  /** Several nodes, or keys to be put in: lines are told apart here, and sent on as they are. */
  split(): Binding {
    this.#refuseInexact();
    const format = this.#format();
    const file = this.#fileName();
    const skip = this.#skip();
    const { meaning } = this.#use;
    const sharded = meaning.kind === 'sharded';
    const wanted = this.#wanted(sharded);
    const template = this.#builder.text.whole([...this.#edits, ...this.#listEdits()]);
    const places = this.#logical.nodes.map(
      (node, index): NodePlace => ({ source: node.source, tables: [physicalName(meaning, index, node.source)] }),
    );
    const route: Route = {
      target: places.length === 1 ? 'one' : 'all',
      role: 'primary',
      reason: sharded ? 'sharding key' : meaning.kind === 'broadcast' ? 'broadcast table' : 'single table',
      detail: sharded ? `lines by ${this.#logical.shardingColumns.join(', ')}` : '',
      nodes: places,
      nodesTotal: places.length,
    };
    const generator = this.generated === undefined ? undefined : this.#logical.keyGenerate?.generator.name;
    return {
      kind: 'load',
      bind: (input): Action => {
        const { keys } = input;
        const load: LoadSplit = {
          file,
          format,
          charset: this.#statement.charset,
          skip,
          fields: this.#columns.length,
          wanted,
          queries: places.map((place) => shardQuery(template, input, place)),
          everywhere: !sharded,
          takeKeys: generator === undefined ? undefined : (count) => keys.take(generator, count),
          nodeOf: (values, key, isUtf8, line) => this.#nodeOf(wanted, values, key, isUtf8, line),
        };
        return { kind: 'load', route, load, names: this.#names };
      },
    };
  }

  #refuseInexact(): void {
    const { assignments, into, partitions, linesStarting } = this.#statement;
    const what = `into the nodes of '${this.#logical.name}'`;
    if (assignments.length > 0) throw refusal(`LOAD DATA ... SET ${what}`, 'load the columns as they are in the file');
    if (into.variables.length > 0)
      throw refusal(`LOAD DATA with user variables ${what}`, 'name a column for each field of the file');
    if (partitions.length > 0) throw refusal(`LOAD DATA ... PARTITION ${what}`, 'leave out PARTITION');
    if (linesStarting !== undefined && this.#bytes(linesStarting).length > 0)
      throw refusal(`LINES STARTING BY ${what}`, 'take the prefix out of the file');
    const { schema } = this.#use;
    const automatic = schema?.columns.find((column) => column.autoIncrement);
    if (automatic !== undefined && this.#logical.nodes.length > 1) {
      const name = automatic.name.toLowerCase();
      if (!this.#columns.includes(name) && this.generated?.toLowerCase() !== name)
        throw automaticError(this.#logical, automatic.name);
    }
    for (const name of this.#columns) {
      if (name !== undefined && schema !== undefined && !schema.columnsByName.has(name))
        throw new MeshError('ER_BAD_FIELD_ERROR', { column: name, clause: 'field list' });
    }
  }

  #format(): LoadFormat {
    const { fieldsTerminated, fieldsEnclosed, fieldsEscaped, linesTerminated } = this.#statement;
    const read = (literal: Literal | undefined, otherwise: string): Uint8Array =>
      literal === undefined ? Buffer.from(otherwise) : this.#bytes(literal);
    const fieldEnd = read(fieldsTerminated, '\t');
    const lineEnd = read(linesTerminated, '\n');
    const enclosed = read(fieldsEnclosed, '');
    const escaped = read(fieldsEscaped, '\\');
    const ascii = [fieldEnd, lineEnd, enclosed, escaped].every((bytes) => bytes.every((byte) => byte < 0x80));
    const plain = fieldEnd.length > 0 && lineEnd.length > 0 && Buffer.compare(fieldEnd, lineEnd) !== 0;
    const unsure = fieldsEscaped === undefined && this.#builder.environment.mode.noBackslashEscapes;
    if (!ascii || !plain || enclosed.length > 1 || escaped.length > 1 || unsure)
      throw refusal(
        `this format of LOAD DATA into the nodes of '${this.#logical.name}'`,
        'fields and lines need ends of their own, all in ASCII, and under NO_BACKSLASH_ESCAPES an ESCAPED BY',
      );
    return { fieldEnd, lineEnd, enclosed: enclosed[0] ?? -1, escaped: escaped[0] ?? -1 };
  }

  #skip(): number {
    const { skip } = this.#statement;
    if (skip === undefined) return 0;
    const value = this.#builder.pin(skip.count);
    return value.kind === 'integer' ? Number(value.value) : 0;
  }

  /** The lines to be left out are left out here; a generated key becomes the first field. */
  #listEdits(): Edit[] {
    const { skip, columnsSpan, columns, columnsAt } = this.#statement;
    const { generated } = this;
    const gone: Edit[] = skip === undefined ? [] : [{ at: skip, pieces: [] }];
    if (generated === undefined) return gone;
    if (columnsSpan !== undefined && columns.length > 0) {
      const at = { start: columnsSpan.start, end: columnsSpan.start };
      return [...gone, { at, pieces: [{ kind: 'text', text: `${quoteName(generated)}, ` }] }];
    }
    const list = [generated, ...this.#columns.map((column) => column!)].map(quoteName).join(', ');
    if (columnsSpan !== undefined)
      return [
        ...gone,
        { at: { start: columnsSpan.start, end: columnsSpan.start }, pieces: [{ kind: 'text', text: list }] },
      ];
    return [{ at: skip ?? { start: columnsAt, end: columnsAt }, pieces: [{ kind: 'text', text: ` (${list})` }] }];
  }

  /** Fields of the sharding columns, and of a column that servers would fill by themselves. */
  #wanted(sharded: boolean): number[] {
    const names = new Set(sharded ? this.#logical.shardingColumns : []);
    if (this.#logical.nodes.length > 1)
      for (const column of this.#use.schema?.columns ?? [])
        if (column.autoIncrement) names.add(column.name.toLowerCase());
    const rule = this.#logical.keyGenerate?.column.toLowerCase();
    if (rule !== undefined) names.add(rule);
    return [...names]
      .map((name) => this.#columns.indexOf(name))
      .filter((at) => at >= 0)
      .sort((a, b) => a - b);
  }

  #nodeOf(
    wanted: readonly number[],
    values: readonly (Uint8Array | null | undefined)[],
    key: bigint | string | undefined,
    isUtf8: boolean,
    line: number,
  ): number {
    const { schema } = this.#use;
    const logical = this.#logical;
    const keys = new Map<string, KeyValue>();
    for (const [index, field] of wanted.entries()) {
      const name = this.#columns[field]!;
      const column = schema!.columnsByName.get(name)!;
      const bytes = values[index];
      if (bytes === undefined)
        throw refusal(`row ${line} without a field for '${column.name}'`, 'the node of its row depends on it');
      const filled = column.autoIncrement || name === logical.keyGenerate?.column.toLowerCase();
      if (filled && (bytes === null || (integerRange(column) !== undefined && !isGiven(bytes))))
        throw refusal(
          `row ${line} without a value for '${column.name}'`,
          'leave the column out to have keys generated',
        );
      if (!logical.shardingColumns.includes(name)) continue;
      const stored = storedKey(
        keyColumnOf(this.#use, column, this.#builder.environment),
        scalarOf(bytes, isUtf8, column),
      );
      if (stored.kind === 'null')
        throw new MeshError('SM_SHARDING_KEY_MISSING', { table: logical.name, column: column.name });
      if (stored.kind === 'uncertain')
        throw refusal(`the value for sharding column '${column.name}' in row ${line}`, stored.reason);
      keys.set(name, stored.value);
    }
    const generated = this.generated?.toLowerCase();
    if (generated !== undefined && logical.shardingColumns.includes(generated)) {
      const column = schema!.columnsByName.get(generated)!;
      const scalar: Scalar = typeof key === 'bigint' ? { kind: 'integer', value: key } : { kind: 'string', text: key };
      const stored = storedKey(keyColumnOf(this.#use, column, this.#builder.environment), scalar);
      if (stored.kind !== 'value')
        throw refusal(`a generated key for sharding column '${column.name}'`, 'its type does not hold it');
      keys.set(generated, stored.value);
    }
    const route = routeRow(logical, keys, this.#builder.hints);
    if (route.kind === 'node') return route.node;
    throw refusal(`LOAD DATA into '${logical.name}'`, 'its lookup table is not asked line by line');
  }
}

/** A whole number that is not 0: what a server stores as it is. */
function isGiven(bytes: Uint8Array): boolean {
  return /^-?0*[1-9]\d*$/.test(Buffer.from(bytes).toString('latin1'));
}

/** A field as the servers read it: text, or a number where the column is one and nothing has to be converted. */
function scalarOf(bytes: Uint8Array | null, isUtf8: boolean, column: Parameters<typeof integerRange>[0]): Scalar {
  if (bytes === null) return { kind: 'null' };
  const text = decoded(bytes, isUtf8);
  if (text === undefined) return { kind: 'string', text };
  if (integerRange(column) !== undefined && /^-?\d+$/.test(text)) return { kind: 'integer', value: BigInt(text) };
  if (column.dataType === 'decimal' && /^-?\d+(?:\.\d+)?$/.test(text)) return { kind: 'decimal', text };
  return { kind: 'string', text };
}

function decoded(bytes: Uint8Array, isUtf8: boolean): string | undefined {
  if (!isUtf8 && bytes.some((byte) => byte >= 0x80)) return undefined;
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
