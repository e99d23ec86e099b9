/** INSERT and REPLACE: rows to the nodes that own them, generated keys put in, broadcast tables everywhere. */
import { MeshError } from '../base/index.ts';
import { type KeyValue, type LogicalTable, type LookupRequest, routeRow } from '../rules/index.ts';
import type { Expression, Fingerprint, InsertStatement } from '../sql/index.ts';
import type { NodePlace, ResolvedStatement, TableUse } from './across/types.ts';
import type { Binding } from './compiled-plan.ts';
import { isRandom } from './function-kinds.ts';
import { type InsertRows, insertRows } from './insert-rows.ts';
import { keyColumnOf } from './key-columns.ts';
import { storedKey } from './key-value.ts';
import { askLookups, NeedsLookups } from './lookups.ts';
import { strip } from './parentheses.ts';
import { nameEdits, nameMap, type PlanBuilder } from './plan-builder.ts';
import { Resolver } from './resolve.ts';
import { type Edit, quoteName, type RewriteTemplate } from './rewrite.ts';
import type { Scalar } from './scalar.ts';
import { shardQuery } from './shard-query.ts';
import { isCall, someNode } from './syntax-walk.ts';
import { physicalName } from './table-lookup.ts';
import type { Action, BindInput, NameMap, Route, RouteReason, ShardQuery } from './types.ts';

/** Plans INSERT ... VALUES and INSERT ... SET. Throws MeshError for what no values can make right. */
export function compileInsert(statement: InsertStatement, builder: PlanBuilder): Binding {
  return new InsertBinding(statement, builder);
}

/** How a key generator's column is filled. */
interface Generated {
  readonly generator: string;
  /** Place in the column list; -1: appended. */
  readonly at: number;
  readonly column: string;
  /** 0 means "generate", as for AUTO_INCREMENT. */
  readonly zero: boolean;
}

export class InsertBinding implements Binding {
  readonly kind = 'insert';
  readonly #statement: InsertStatement;
  readonly #builder: PlanBuilder;
  readonly #use: TableUse;
  readonly #resolved: ResolvedStatement;
  readonly #columns: readonly string[];
  readonly #rows: InsertRows;
  readonly #generated: Generated | undefined;
  readonly #names: NameMap;
  /** All rows as they stand. */
  readonly #whole: RewriteTemplate;
  /** Rows put together at bind time (computed piece 0). */
  readonly #split: RewriteTemplate;
  /** Names or session functions inside of the rows would have to be replaced, too. */
  readonly #editsInside: boolean;

  constructor(statement: InsertStatement, builder: PlanBuilder) {
    if (statement.source.kind === 'query')
      throw new MeshError('SM_INTERNAL', { message: 'INSERT ... SELECT is planned elsewhere' });
    this.#statement = statement;
    this.#builder = builder;
    const resolver = new Resolver(builder.environment);
    this.#use = resolver.target(statement.table);
    const source = statement.source;
    const expressions =
      source.kind === 'values'
        ? source.rows.flatMap((row) => row.values)
        : source.assignments.flatMap((assignment) => [assignment.column, assignment.value]);
    this.#resolved = resolver.besides(
      this.#use,
      [
        ...expressions,
        ...statement.onDuplicate.flatMap((assignment) => [assignment.column, assignment.value]),
        ...(statement.returning?.items.map((item) => item.expression).filter((item) => item.kind !== 'star') ?? []),
      ] as Expression[],
      statement,
    );
    this.#columns = this.#columnNames();
    this.#rows = insertRows(statement, this.#columns.length, builder);
    this.#generated = this.#findGenerated();
    this.#checkAssignments();
    this.#names = nameMap(this.#resolved.uses, builder.environment);
    const edits = nameEdits(statement, this.#resolved, builder, new Set([this.#use.index]));
    this.#whole = builder.text.whole(edits);
    const rowsSpan = this.#rows.span;
    const outside = edits.filter((edit) => edit.at.end <= rowsSpan.start || edit.at.start >= rowsSpan.end);
    this.#split = builder.text.whole([
      ...outside,
      ...this.#columnEdits(),
      { at: rowsSpan, pieces: [{ kind: 'computed', index: 0 }] },
    ]);
    this.#editsInside = outside.length !== edits.length;
  }

  #columnNames(): string[] {
    const statement = this.#statement;
    if (statement.source.kind === 'set')
      return statement.source.assignments.map((assignment) => assignment.column.column.name.toLowerCase());
    if (statement.columnsSpan !== undefined) return statement.columns.map((column) => column.name.toLowerCase());
    return (this.#use.schema?.columns ?? [])
      .filter((column) => !column.invisible)
      .map((column) => column.name.toLowerCase());
  }

  #findGenerated(): Generated | undefined {
    const { meaning, schema } = this.#use;
    if (meaning.kind === 'system') return undefined;
    const { logical } = meaning;
    const automatic = schema?.columns.find((column) => column.autoIncrement);
    const rule = logical.keyGenerate;
    if (rule !== undefined) {
      const column = rule.column.toLowerCase();
      const zero = rule.generator.type !== 'UUID' && !/NO_AUTO_VALUE_ON_ZERO/i.test(this.#builder.environment.sqlMode);
      return { generator: rule.generator.name, at: this.#columns.indexOf(column), column: rule.column, zero };
    }
    if (
      automatic !== undefined &&
      meaning.kind !== 'single' &&
      logical.nodes.length > 1 &&
      !this.#columns.includes(automatic.name.toLowerCase())
    ) {
      throw automaticError(logical, automatic.name);
    }
    return undefined;
  }

  #checkAssignments(): void {
    const { meaning } = this.#use;
    if (meaning.kind === 'broadcast' && someNode(this.#statement, (node) => isCall(node) && isRandom(node.name))) {
      throw new MeshError('SM_UNSUPPORTED', {
        what: 'a random function in a write to a broadcast table',
        reason: 'every source would store another value',
      });
    }
    if (meaning.kind !== 'sharded') return;
    for (const assignment of this.#statement.onDuplicate) {
      const name = assignment.column.column.name.toLowerCase();
      if (!meaning.logical.shardingColumns.includes(name)) continue;
      const value = strip(assignment.value);
      const same =
        (value.kind === 'columnValue' &&
          value.which === 'values' &&
          value.column?.column.name.toLowerCase() === name) ||
        (value.kind === 'column' && value.column.name.toLowerCase() === name);
      if (!same) throw new MeshError('SM_SHARDING_KEY_UPDATE', { column: name, table: meaning.logical.name });
    }
  }

  /** The generated column joins the column list. */
  #columnEdits(): Edit[] {
    const generated = this.#generated;
    const { columnsSpan, columnsAt, source } = this.#statement;
    if (generated === undefined || generated.at >= 0 || source.kind === 'set') return [];
    if (columnsSpan === undefined) {
      const list = [...this.#columns, generated.column].map(quoteName).join(', ');
      return [{ at: { start: columnsAt, end: columnsAt }, pieces: [{ kind: 'text', text: ` (${list})` }] }];
    }
    const empty = this.#columns.length === 0;
    return [
      {
        at: { start: columnsSpan.end, end: columnsSpan.end },
        pieces: [{ kind: 'text', text: `${empty ? '' : ', '}${quoteName(generated.column)}` }],
      },
    ];
  }

  bind(input: BindInput): Action | Promise<Action> {
    this.#rows.checkWidths(input);
    const { meaning } = this.#use;
    switch (meaning.kind) {
      case 'system':
        return this.#alone(
          input,
          { source: this.#builder.environment.rules.defaultSource, tables: this.#tablesAt(0, '') },
          'single source',
        );
      case 'single':
        if (this.#generated !== undefined) return this.#generate(input, this.#generated);
        return this.#alone(
          input,
          { source: meaning.source, tables: this.#tablesAt(0, meaning.source) },
          'single table',
        );
      default:
        if (this.#generated !== undefined) return this.#generate(input, this.#generated);
        return this.#route(input, undefined, undefined);
    }
  }

  prepare(input: BindInput): { query: ShardQuery; names: NameMap } | undefined {
    const { meaning } = this.#use;
    const source =
      meaning.kind === 'system' ? this.#builder.environment.rules.defaultSource : meaning.logical.nodes[0]!.source;
    return { query: shardQuery(this.#whole, input, { source, tables: this.#tablesAt(0, source) }), names: this.#names };
  }

  #tablesAt(node: number, source: string): string[] {
    return this.#resolved.uses.map((use) => {
      if (use.index === this.#use.index) return physicalName(use.meaning, node, source);
      if (use.meaning.kind === 'sharded' || (use.meaning.kind === 'single' && use.meaning.source !== source)) {
        throw new MeshError('SM_UNSUPPORTED', {
          what: `table '${use.name.table.name}' in VALUES`,
          reason: 'it may live on another source than the inserted row',
        });
      }
      return physicalName(use.meaning, 0, source);
    });
  }

  #alone(input: BindInput, place: NodePlace, reason: RouteReason): Action {
    return {
      kind: 'forward',
      access: 'write',
      route: this.#routeOf([place], reason, ''),
      query: shardQuery(this.#whole, input, place),
      names: this.#names,
    };
  }

  #generate(input: BindInput, generated: Generated): Action | Promise<Action> {
    const wanting: number[] = [];
    for (let row = 0; row < this.#rows.count(input); row++) {
      const at = generated.at;
      if (at < 0 || this.#rows.isDefault(input, row, at)) {
        wanting.push(row);
        continue;
      }
      const value = this.#rows.scalar(input, row, at);
      if (value?.kind === 'null' || (generated.zero && value?.kind === 'integer' && value.value === 0n))
        wanting.push(row);
    }
    if (wanting.length === 0) return this.#route(input, undefined, undefined);
    const keys = input.keys.take(generated.generator, wanting.length);
    const finish = (kept: BindInput, values: readonly (bigint | string)[]): Action => {
      const byRow = new Map<number, bigint | string>();
      for (const [index, row] of wanting.entries()) byRow.set(row, values[index]!);
      return this.#route(kept, generated, byRow);
    };
    if (!(keys instanceof Promise)) return finish(input, keys);
    // The lexer reads other texts meanwhile.
    const kept: BindInput = { ...input, tokens: input.tokens.copy(), fingerprint: copyFingerprint(input.fingerprint) };
    return keys.then((values) => finish(kept, values));
  }

  #route(
    input: BindInput,
    generated: Generated | undefined,
    keys: ReadonlyMap<number, bigint | string> | undefined,
  ): Action {
    const { meaning } = this.#use;
    if (meaning.kind === 'system') throw new MeshError('SM_INTERNAL', { message: 'a system table has no route' });
    const { logical } = meaning;
    const count = this.#rows.count(input);
    const first = keys === undefined ? undefined : keys.values().next().value;
    const insertId = typeof first === 'bigint' ? { insertId: first } : {};
    if (meaning.kind !== 'sharded') {
      const places = logical.nodes.map((node, index) => ({
        source: node.source,
        tables: this.#tablesAt(index, node.source),
      }));
      const queries = places.map((place) => this.#query(input, place, generated, keys, undefined));
      const route = this.#routeOf(
        places,
        meaning.kind === 'broadcast' ? 'broadcast table' : 'single table',
        meaning.kind === 'broadcast' ? 'every source keeps all rows' : '',
      );
      if (queries.length === 1)
        return { kind: 'forward', access: 'write', route, query: queries[0]!, names: this.#names, ...insertId };
      this.#refuseSeveral();
      return { kind: 'write', route, queries, affected: 'once', names: this.#names, ...insertId };
    }
    if (logical.nodes.length > 1) this.#refuseAutomatic(input, logical);
    const rowsOf = new Map<number, number[]>();
    const needed: LookupRequest[] = [];
    for (let row = 0; row < count; row++) {
      let node: number;
      try {
        node = this.#nodeOf(input, logical, row, generated, keys);
      } catch (error) {
        if (!(error instanceof NeedsLookups)) throw error;
        needed.push(...error.requests);
        continue;
      }
      const rows = rowsOf.get(node);
      if (rows === undefined) rowsOf.set(node, [row]);
      else rows.push(row);
    }
    if (needed.length > 0) throw new NeedsLookups(needed);
    const nodes = [...rowsOf.keys()].sort((a, b) => a - b);
    const places = nodes.map((node) => ({
      source: logical.nodes[node]!.source,
      tables: this.#tablesAt(node, logical.nodes[node]!.source),
    }));
    const one = places.length === 1;
    const queries = places.map((place, index) =>
      this.#query(input, place, generated, keys, one ? undefined : rowsOf.get(nodes[index]!)!),
    );
    const hinted = logical.shardingColumns.length === 0;
    const route = this.#routeOf(
      places,
      hinted ? 'hint' : 'sharding key',
      hinted ? 'values of the hint' : `rows by ${logical.shardingColumns.join(', ')}`,
    );
    if (one) return { kind: 'forward', access: 'write', route, query: queries[0]!, names: this.#names, ...insertId };
    this.#refuseSeveral();
    return { kind: 'write', route, queries, affected: 'sum', names: this.#names, ...insertId };
  }

  /** What a single server does in one go and several cannot. */
  #refuseSeveral(): void {
    if (someNode(this.#statement, (node) => node.kind === 'assignment')) {
      throw new MeshError('SM_UNSUPPORTED', {
        what: 'assigning user variables in INSERT over several nodes',
        reason: 'every node would count for itself',
      });
    }
  }

  /** AUTO_INCREMENT of several nodes would give the same value twice. */
  #refuseAutomatic(input: BindInput, logical: LogicalTable): void {
    const automatic = this.#use.schema?.columns.find((column) => column.autoIncrement);
    if (automatic === undefined || this.#generated?.column.toLowerCase() === automatic.name.toLowerCase()) return;
    const at = this.#columns.indexOf(automatic.name.toLowerCase());
    for (let row = 0; row < this.#rows.count(input); row++) {
      const value = this.#rows.scalar(input, row, at);
      if (
        this.#rows.isDefault(input, row, at) ||
        value?.kind === 'null' ||
        (value?.kind === 'integer' && value.value === 0n)
      )
        throw automaticError(logical, automatic.name);
    }
  }

  #nodeOf(
    input: BindInput,
    logical: LogicalTable,
    row: number,
    generated: Generated | undefined,
    keys: ReadonlyMap<number, bigint | string> | undefined,
  ): number {
    const values = new Map<string, KeyValue>();
    for (const name of logical.shardingColumns) {
      const column = this.#use.schema?.columnsByName.get(name);
      if (column === undefined)
        throw new MeshError('SM_UNKNOWN_SCHEMA_STATE', { table: logical.name, reason: `it has no column ${name}` });
      const key = generated !== undefined && generated.column.toLowerCase() === name ? keys?.get(row) : undefined;
      let scalar: Scalar | undefined;
      if (key !== undefined)
        scalar = typeof key === 'bigint' ? { kind: 'integer', value: key } : { kind: 'string', text: key };
      else {
        const at = this.#columns.indexOf(name);
        if (at < 0 || this.#rows.isDefault(input, row, at))
          throw new MeshError('SM_SHARDING_KEY_MISSING', { table: logical.name, column: column.name });
        scalar = this.#rows.scalar(input, row, at);
        if (scalar === undefined)
          throw new MeshError('SM_UNSUPPORTED', {
            what: `an expression as value of sharding column '${column.name}'`,
            reason: 'only the server could compute it; compute it first',
          });
      }
      const stored = storedKey(keyColumnOf(this.#use, column, this.#builder.environment), scalar);
      if (stored.kind === 'null')
        throw new MeshError('SM_SHARDING_KEY_MISSING', { table: logical.name, column: column.name });
      if (stored.kind === 'uncertain')
        throw new MeshError('SM_UNSUPPORTED', {
          what: `this value for sharding column '${column.name}'`,
          reason: stored.reason,
        });
      values.set(name, stored.value);
    }
    const route = routeRow(logical, values, this.#builder.hints, input.lookups);
    if (route.kind === 'node') return route.node;
    askLookups(route.requests, input);
    throw new MeshError('SM_UNSUPPORTED', {
      what: `INSERT into '${logical.name}'`,
      reason: 'nobody can ask its lookup table here',
    });
  }

  #query(
    input: BindInput,
    place: NodePlace,
    generated: Generated | undefined,
    keys: ReadonlyMap<number, bigint | string> | undefined,
    rows: readonly number[] | undefined,
  ): ShardQuery {
    if (generated === undefined && rows === undefined) return shardQuery(this.#whole, input, place);
    if (this.#editsInside) {
      throw new MeshError('SM_UNSUPPORTED', {
        what: 'a table name or session function inside of VALUES',
        reason: 'the rows are put together anew',
      });
    }
    const parts = this.#rows.render(
      input,
      rows,
      generated === undefined ? undefined : { at: generated.at, column: generated.column, keys: keys! },
    );
    const query: ShardQuery = {
      ...shardQuery(this.#split, input, place, [parts.text]),
      ...(rows === undefined ? {} : { rows }),
    };
    if (input.fingerprint.parameterCount === 0) return query;
    // The rows' parameters stand between those before and after them.
    const { before, after } = this.#rows.outerParameters;
    return { ...query, parameters: [...before, ...parts.parameters, ...after] };
  }

  #routeOf(places: readonly NodePlace[], reason: RouteReason, detail: string): Route {
    const total = this.#use.meaning.kind === 'system' ? 1 : this.#use.meaning.logical.nodes.length;
    return {
      target: places.length === 1 ? 'one' : places.length === total ? 'all' : 'some',
      role: 'primary',
      reason,
      detail,
      nodes: places.map((place) => ({ source: place.source, tables: [place.tables[this.#use.index]!] })),
      nodesTotal: total,
    };
  }
}

export function copyFingerprint(print: Fingerprint): Fingerprint {
  const { slotCount } = print;
  return {
    ...pick(print),
    key: print.key.slice(0, print.keyLength),
    slotKinds: print.slotKinds.slice(0, slotCount),
    slotFirst: print.slotFirst.slice(0, slotCount),
    slotEnd: print.slotEnd.slice(0, slotCount),
    slotSize: print.slotSize.slice(0, slotCount),
    slotWidth: print.slotWidth.slice(0, slotCount),
  };
}

function pick({ keyLength, hash, slotCount, firstToken, endToken, verb, endCertain, parameterCount }: Fingerprint) {
  return { keyLength, hash, slotCount, firstToken, endToken, verb, endCertain, parameterCount };
}

/** Each node would number its own rows. */
export function automaticError(logical: LogicalTable, column: string): MeshError {
  return new MeshError('SM_UNSUPPORTED', {
    what: `AUTO_INCREMENT of '${logical.name}.${column}' without a value`,
    reason: 'every node would count for itself; give a value, or add keyGenerateStrategy for this column to the rules',
  });
}
