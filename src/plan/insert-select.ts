/** INSERT ... SELECT: pushed down where every row stays on its node, otherwise the rows are read first and inserted by shard. */
import { MeshError } from '../base/index.ts';
import type { InsertStatement, SelectStatement } from '../sql/index.ts';
import type { ResolvedStatement, TableUse } from './across/types.ts';
import type { Binding } from './compiled-plan.ts';
import { noEffects } from './effects.ts';
import { bindingColumns } from './key-columns.ts';
import { Locality } from './locality.ts';
import { Places } from './places.ts';
import { nameEdits, nameMap, type PlanBuilder } from './plan-builder.ts';
import { Resolver } from './resolve.ts';
import type { RewriteTemplate } from './rewrite.ts';
import { RowsInsert } from './rows-insert.ts';
import { refuse, SelectBinding } from './select.ts';
import { shardQuery } from './shard-query.ts';
import { physicalName } from './table-lookup.ts';
import type { Action, BindInput, NameMap, ShardQuery } from './types.ts';

export function compileInsertSelect(statement: InsertStatement, builder: PlanBuilder): Binding {
  return new InsertSelectBinding(statement, builder);
}

class InsertSelectBinding implements Binding {
  readonly kind = 'insertSelect';
  readonly #builder: PlanBuilder;
  readonly #target: TableUse;
  readonly #resolved: ResolvedStatement;
  readonly #places: Places;
  readonly #locality: Locality;
  readonly #template: RewriteTemplate;
  readonly #names: NameMap;
  readonly #columns: readonly string[];
  readonly #read: SelectBinding;
  readonly #insert: RowsInsert;
  readonly #aligned: boolean;
  readonly #countsFound: boolean;

  constructor(statement: InsertStatement, builder: PlanBuilder) {
    if (statement.source.kind !== 'query') throw new MeshError('SM_INTERNAL', { message: 'INSERT without query' });
    this.#builder = builder;
    const resolver = new Resolver(builder.environment);
    const { query } = statement.source;
    const read = resolver.query(query);
    this.#target = resolver.target(statement.table);
    const target = this.#target;
    const shown = (target.schema?.columns ?? [])
      .filter((column) => !column.invisible)
      .map((column) => column.name.toLowerCase());
    this.#columns =
      statement.columnsSpan === undefined ? shown : statement.columns.map((column) => column.name.toLowerCase());
    this.#checkColumns(statement, read);
    resolver.besides(
      target,
      statement.onDuplicate.flatMap((assignment) => [assignment.column, assignment.value]),
      statement,
    );
    this.#resolved = { ...read, uses: resolver.uses };
    // Routes are those of the query; the target has no conditions of its own.
    this.#places = new Places({ ...read, uses: read.uses.filter((use) => use !== target) }, builder);
    this.#locality = new Locality({ ...read, uses: read.uses.filter((use) => use !== target) }, this.#places);
    this.#names = nameMap(this.#resolved.uses, builder.environment);
    this.#template = builder.text.whole(nameEdits(statement, this.#resolved, builder, new Set([target.index])));
    this.#aligned = this.#rowsStay();
    this.#countsFound = read.query.blocks.some((block) => block.select.options.includes('SQL_CALC_FOUND_ROWS'));
    const select: SelectStatement = { kind: 'query', start: query.start, end: query.end, query };
    builder.text.confine(query);
    this.#read = new SelectBinding(
      select,
      { ...read, uses: read.uses.filter((use) => use !== target) },
      builder,
      noEffects,
    );
    this.#insert = new RowsInsert(statement, target, this.#columns, builder);
  }

  #checkColumns(statement: InsertStatement, read: ResolvedStatement): void {
    const given = read.query.columns?.length;
    if (given !== undefined && given !== this.#columns.length)
      throw new MeshError('ER_WRONG_VALUE_COUNT_ON_ROW', { row: 1 });
    const { meaning } = this.#target;
    if (meaning.kind !== 'sharded') return;
    for (const assignment of statement.onDuplicate) {
      const name = assignment.column.column.name.toLowerCase();
      if (meaning.logical.shardingColumns.includes(name))
        throw new MeshError('SM_SHARDING_KEY_UPDATE', { column: name, table: meaning.logical.name });
    }
    for (const name of meaning.logical.shardingColumns) {
      if (!this.#columns.includes(name) && meaning.logical.keyGenerate?.column.toLowerCase() !== name)
        throw new MeshError('SM_SHARDING_KEY_MISSING', { table: meaning.logical.name, column: name });
    }
  }

  /** Each selected row carries the sharding key of the node that it is read from, and the target is sharded alike. */
  #rowsStay(): boolean {
    const { meaning } = this.#target;
    const { leader } = this.#locality;
    const block = this.#resolved.query.blocks[0];
    if (
      meaning.kind !== 'sharded' ||
      leader?.meaning.kind !== 'sharded' ||
      !this.#locality.local ||
      block === undefined
    )
      return false;
    if (
      block.aggregated ||
      block.windowed ||
      block.select.distinct ||
      block.select.limit !== undefined ||
      meaning.logical.keyGenerate !== undefined
    )
      return false;
    if (
      this.#target.schema?.columns.some(
        (column) => column.autoIncrement && !this.#columns.includes(column.name.toLowerCase()),
      ) === true
    )
      return false;
    const pairs = bindingColumns(leader.meaning.logical, meaning.logical);
    if (pairs === undefined) return false;
    return pairs.every(([from, to]) => {
      const origin = block.output?.[this.#columns.indexOf(to)]?.origin;
      const key = leader.schema?.columnsByName.get(from);
      const stored = this.#target.schema?.columnsByName.get(to);
      if (origin === undefined || key === undefined || stored === undefined) return false;
      return (
        stored.columnType === key.columnType &&
        stored.collation === key.collation &&
        this.#places.constraints.implies(origin, { use: leader, column: key })
      );
    });
  }

  bind(input: BindInput): Action {
    const routed = this.#places.route(input);
    const { meaning } = this.#target;
    if (meaning.kind === 'single' || meaning.kind === 'system') {
      const source = meaning.kind === 'single' ? meaning.source : this.#builder.environment.rules.defaultSource;
      const place = this.#places.single(routed.sets);
      const anywhere = this.#places.uses.every((use) => use.meaning.kind === 'broadcast');
      if (place !== undefined && (place.source === source || anywhere)) {
        const tables = this.#resolved.uses.map((use) =>
          use === this.#target
            ? physicalName(meaning, 0, source)
            : place.source === source
              ? place.tables[use.index]!
              : physicalName(use.meaning, 0, source),
        );
        const whole = { source, tables };
        return {
          kind: 'forward',
          access: 'write',
          route: this.#places.describe([whole], routed),
          query: shardQuery(this.#template, input, whole),
          names: this.#names,
        };
      }
    }
    if (meaning.kind === 'sharded' && this.#aligned) {
      const leader = this.#locality.leader!.index;
      let nodes = routed.sets[leader]!;
      for (const index of this.#locality.required()) nodes = nodes.filter((node) => routed.sets[index]!.includes(node));
      if (nodes.length === 0) nodes = [0];
      const places = this.#places.along(leader, nodes).map((place, index) => ({
        source: place.source,
        tables: [...place.tables, physicalName(meaning, nodes[index]!, place.source)],
      }));
      const route = this.#places.describe(places, routed);
      const queries: ShardQuery[] = places.map((place) => shardQuery(this.#template, input, place));
      if (queries.length === 1)
        return { kind: 'forward', access: 'write', route, query: queries[0]!, names: this.#names };
      if (this.#countsFound) return refuse(countsFoundError());
      return { kind: 'write', route, queries, affected: 'sum', names: this.#names };
    }
    if (this.#countsFound) return refuse(countsFoundError());
    const read = this.#read.bind(input);
    if (read instanceof Promise) throw new Error('a SELECT ... INTO inside of an INSERT');
    if (read.kind === 'refuse') return read;
    return { kind: 'insertSelect', read, insert: (rows) => this.#insert.bind(input, rows, this.#names) };
  }
}

function countsFoundError(): MeshError {
  return new MeshError('SM_UNSUPPORTED', {
    what: 'INSERT ... SELECT SQL_CALC_FOUND_ROWS',
    reason: 'its rows go through the mesh; use SELECT COUNT(*)',
  });
}
