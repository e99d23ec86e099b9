/** UPDATE and DELETE: forwarded to one place, or run on every node that may hold rows when each can do its part alone. */
import { MeshError } from '../base/index.ts';
import { type KeyCondition, type LogicalTable, routeNodes, type ShardingStrategy } from '../rules/index.ts';
import type { ColumnAssignment, DeleteStatement, UpdateStatement } from '../sql/index.ts';
import type { NodePlace, NodeSet, Relation, ResolvedStatement, TableUse } from './across/types.ts';
import type { Binding } from './compiled-plan.ts';
import { isRandom } from './function-kinds.ts';
import { keyColumnOf, strategyColumns } from './key-columns.ts';
import { storedKey } from './key-value.ts';
import { Locality } from './locality.ts';
import { strip } from './parentheses.ts';
import { Places } from './places.ts';
import { nameEdits, nameMap, type PlanBuilder } from './plan-builder.ts';
import { ReadFirst } from './read-first.ts';
import { originOf, Resolver } from './resolve.ts';
import type { RewriteTemplate } from './rewrite.ts';
import { refuse } from './select.ts';
import { shardQuery } from './shard-query.ts';
import { isCall, someNode } from './syntax-walk.ts';
import { physicalName } from './table-lookup.ts';
import type { Action, BindInput, NameMap, ShardQuery } from './types.ts';
import { readValue, type ValueSource, valueSource } from './value-source.ts';

/** An assignment to a sharding column. */
interface KeyAssignment {
  readonly use: TableUse;
  readonly column: string;
  readonly value: ValueSource;
}

/** Plans UPDATE and DELETE, single- and multi-table forms. Throws MeshError for what no values can make right. */
export function compileWrite(statement: UpdateStatement | DeleteStatement, builder: PlanBuilder): Binding {
  return new WriteBinding(statement, builder);
}

class WriteBinding implements Binding {
  readonly kind: 'update' | 'delete';
  readonly #statement: UpdateStatement | DeleteStatement;
  readonly #builder: PlanBuilder;
  readonly #resolved: ResolvedStatement;
  readonly #places: Places;
  readonly #locality: Locality;
  readonly #template: RewriteTemplate;
  readonly #names: NameMap;
  readonly #targets: readonly TableUse[];
  readonly #keyAssignments: readonly KeyAssignment[];
  /** A subquery that may be read before; for statements that no node can do alone. */
  readonly #readFirst: ReadFirst | undefined;

  constructor(statement: UpdateStatement | DeleteStatement, builder: PlanBuilder) {
    this.kind = statement.kind;
    this.#statement = statement;
    this.#builder = builder;
    const assignments = statement.kind === 'update' ? statement.assignments : [];
    const resolver = new Resolver(builder.environment);
    this.#resolved = resolver.write(
      statement,
      assignments.flatMap((assignment) => [assignment.column, assignment.value]),
    );
    this.#places = new Places(this.#resolved, builder);
    this.#locality = new Locality(this.#resolved, this.#places);
    this.#names = nameMap(this.#resolved.uses, builder.environment);
    this.#targets = this.#findTargets(assignments);
    this.#keyAssignments = this.#findKeyAssignments(assignments);
    const plain =
      statement.kind === 'delete' && statement.targets.length === 0
        ? new Set(this.#targets.map((use) => use.index))
        : new Set<number>();
    const edits = nameEdits(statement, this.#resolved, builder, plain);
    if (statement.kind === 'delete') {
      // `DELETE shop.orders FROM ...`: the target is known by its alias.
      for (const target of statement.targets) {
        if (target.schema !== undefined)
          edits.push({ at: { start: target.schema.start, end: target.table.start }, pieces: [] });
      }
    }
    this.#template = builder.text.whole(edits);
    this.#readFirst = ReadFirst.of(statement.where, this.#resolved, builder);
    this.#checkBroadcast();
  }

  #relations(): readonly Relation[] {
    return this.#resolved.query.blocks[0]?.relations ?? [];
  }

  #findTargets(assignments: readonly ColumnAssignment[]): TableUse[] {
    const bases = this.#relations().flatMap((relation) => (relation.kind === 'table' ? [relation.use] : []));
    const statement = this.#statement;
    if (statement.kind === 'delete') {
      if (statement.targets.length === 0) return bases.slice(0, 1);
      return statement.targets.map((target) => {
        const use =
          bases.find((candidate) => candidate.alias === target.table.name) ??
          bases.find((candidate) => candidate.name.table.name === target.table.name);
        if (use === undefined)
          throw new MeshError('SM_UNSUPPORTED', {
            what: `DELETE from '${target.table.name}'`,
            reason: 'it is not in the list of tables',
          });
        return use;
      });
    }
    if (this.#relations().length === 1) return bases.slice(0, 1);
    const targets = new Set<TableUse>();
    for (const assignment of assignments) {
      const use = originOf(this.#resolved.columns.get(assignment.column))?.use;
      // A column that is not known for certain may belong to any of the tables.
      if (use === undefined) for (const base of bases) targets.add(base);
      else targets.add(use);
    }
    return [...targets];
  }

  #findKeyAssignments(assignments: readonly ColumnAssignment[]): KeyAssignment[] {
    const found: KeyAssignment[] = [];
    for (const assignment of assignments) {
      const origin = originOf(this.#resolved.columns.get(assignment.column));
      const name = assignment.column.column.name.toLowerCase();
      const uses = origin === undefined ? this.#targets : [origin.use];
      for (const use of uses) {
        if (use.meaning.kind !== 'sharded' || !use.meaning.logical.shardingColumns.includes(name)) continue;
        const value = strip(assignment.value);
        const own = value.kind === 'column' ? originOf(this.#resolved.columns.get(value)) : undefined;
        if (own !== undefined && own.use === use && own.column.name.toLowerCase() === name) continue;
        const source = valueSource(assignment.value, this.#builder.text);
        if (source === undefined)
          throw new MeshError('SM_SHARDING_KEY_UPDATE', { column: name, table: use.meaning.logical.name });
        found.push({ use, column: name, value: source });
      }
    }
    return found;
  }

  #checkBroadcast(): void {
    if (!this.#targets.some((use) => use.meaning.kind === 'broadcast')) return;
    if (this.#resolved.uses.some((use) => use.meaning.kind !== 'broadcast')) {
      throw new MeshError('SM_UNSUPPORTED', {
        what: 'a write to a broadcast table together with other tables',
        reason: 'every source must make the same change; read the values first',
      });
    }
    if (someNode(this.#statement, (node) => isCall(node) && isRandom(node.name))) {
      throw new MeshError('SM_UNSUPPORTED', {
        what: 'a random function in a write to a broadcast table',
        reason: 'every source would choose another value',
      });
    }
    if (someNode(this.#statement, (node) => node.kind === 'assignment')) {
      throw new MeshError('SM_UNSUPPORTED', {
        what: 'assigning user variables in a write to a broadcast table',
        reason: 'every source would count for itself',
      });
    }
    if (this.#statement.limit !== undefined) {
      throw new MeshError('SM_UNSUPPORTED', {
        what: 'LIMIT in a write to a broadcast table',
        reason: 'every source might choose other rows',
      });
    }
  }

  bind(input: BindInput): Action | Promise<Action> {
    const routed = this.#places.route(input);
    if (this.#targets.some((use) => use.meaning.kind === 'broadcast')) return this.#everywhere(input);
    let { sets } = routed;
    let place = this.#places.single(sets);
    const leader = this.#locality.leader?.index;
    let nodes: NodeSet = [];
    if (place === undefined && this.#locality.local && leader !== undefined) {
      nodes = sets[leader]!;
      for (const index of this.#locality.required()) nodes = nodes.filter((node) => sets[index]!.includes(node));
      sets = sets.map((set, index) => (index === leader ? nodes : set));
      if (nodes.length <= 1) place = this.#places.along(leader, nodes.length === 0 ? [0] : nodes)[0];
    }
    if (place !== undefined) {
      this.#checkKeys(input, sets);
      return {
        kind: 'forward',
        access: 'write',
        route: this.#places.describe([place], routed),
        query: shardQuery(this.#template, input, place),
        names: this.#names,
      };
    }
    if (!this.#locality.local || leader === undefined) {
      if (this.#readFirst !== undefined && !this.#readFirst.blocked) return this.#readFirst.bind(input);
      return refuse(this.#severalError());
    }
    const blocked = this.#blockedAcross();
    if (blocked !== undefined) return refuse(new MeshError('SM_UNSUPPORTED', blocked));
    this.#checkKeys(input, sets);
    const places = this.#places.along(leader, nodes);
    return {
      kind: 'write',
      route: this.#places.describe(places, routed),
      affected: 'sum',
      names: this.#names,
      queries: places.map((each) => shardQuery(this.#template, input, each)),
    };
  }

  prepare(input: BindInput): { query: ShardQuery; names: NameMap } | undefined {
    const sets = this.#resolved.uses.map((use) => (use.meaning.kind === 'sharded' ? [] : undefined));
    const place = this.#places.single(sets);
    return place === undefined ? undefined : { query: shardQuery(this.#template, input, place), names: this.#names };
  }

  #blockedAcross(): { what: string; reason: string } | undefined {
    const verb = this.#statement.kind.toUpperCase();
    if (this.#statement.limit !== undefined)
      return {
        what: `${verb} ... LIMIT over several nodes`,
        reason: 'no node knows how many rows the others change; add a condition on the sharding key',
      };
    if (this.#statement.returning !== undefined && this.#statement.orderBy.length > 0)
      return {
        what: `${verb} ... ORDER BY ... RETURNING over several nodes`,
        reason: 'each node has its own order; leave the order to the reader of the rows',
      };
    if (this.#targets.some((use) => use.meaning.kind === 'single'))
      return {
        what: `${verb} of a single table joined with sharded ones`,
        reason: 'several nodes would change the same rows',
      };
    if (someNode(this.#statement, (node) => node.kind === 'assignment'))
      return {
        what: `assigning user variables in ${verb} over several nodes`,
        reason: 'every node would count for itself',
      };
    if (this.#statement.with.length > 0)
      return { what: `WITH in ${verb} over several nodes`, reason: 'the common table may need rows of all nodes' };
    return undefined;
  }

  #severalError(): MeshError {
    const verb = this.#statement.kind.toUpperCase();
    return new MeshError('SM_UNSUPPORTED', {
      what: `this ${verb}`,
      reason:
        'its tables are not joined along their sharding keys, so that no node has all rows it needs; add conditions on the sharding keys, or read the keys first',
    });
  }

  #everywhere(input: BindInput): Action {
    const target = this.#targets.find((use) => use.meaning.kind === 'broadcast')!;
    if (target.meaning.kind !== 'broadcast') throw new MeshError('SM_INTERNAL', { message: 'not a broadcast table' });
    const places: NodePlace[] = target.meaning.logical.nodes.map((node, index) => ({
      source: node.source,
      tables: this.#resolved.uses.map((use) => physicalName(use.meaning, index, node.source)),
    }));
    const queries = places.map((place) => shardQuery(this.#template, input, place));
    const route = {
      ...this.#places.describe(places, { reason: 'broadcast table', detail: 'every source keeps all rows' }),
      nodesTotal: places.length,
      target: places.length === 1 ? ('one' as const) : ('all' as const),
    };
    if (queries.length === 1)
      return { kind: 'forward', access: 'write', route, query: queries[0]!, names: this.#names };
    return { kind: 'write', route, queries, affected: 'once', names: this.#names };
  }

  /** New values of sharding columns must lead to the node where the rows are. */
  #checkKeys(input: BindInput, sets: readonly (NodeSet | undefined)[]): void {
    for (const assignment of this.#keyAssignments) {
      const { use, column } = assignment;
      if (use.meaning.kind !== 'sharded') continue;
      const { logical } = use.meaning;
      if (logical.nodes.length === 1) continue;
      const schemaColumn = use.schema!.columnsByName.get(column)!;
      const stored = storedKey(
        keyColumnOf(use, schemaColumn, this.#builder.environment),
        readValue(assignment.value, input, this.#builder.charset),
      );
      const current = sets[use.index] ?? [];
      if (
        stored.kind !== 'value' ||
        !staysHome(logical, column, { kind: 'values', values: [stored.value] }, current, this.#builder)
      ) {
        throw new MeshError('SM_SHARDING_KEY_UPDATE', { column, table: logical.name });
      }
    }
  }
}

/** Whether rows on `current` nodes stay there when the column takes a value. */
function staysHome(
  logical: LogicalTable,
  column: string,
  condition: KeyCondition,
  current: NodeSet,
  builder: PlanBuilder,
): boolean {
  const reads = (strategy: ShardingStrategy): boolean => strategyColumns(strategy).includes(column);
  const { databaseStrategy, tableStrategy, nodes } = logical;
  if ([databaseStrategy, tableStrategy].some((strategy) => strategy.kind === 'complex' && reads(strategy)))
    return false;
  const route = routeNodes(logical, new Map([[column, condition]]), builder.hints);
  if (route.kind !== 'nodes') return false;
  const targets = route.nodes.map((node) => nodes[node]!);
  // A level that the column decides must be decided by this value.
  if (
    reads(databaseStrategy) &&
    new Set(targets.map((node) => node.source)).size !== 1 &&
    new Set(nodes.map((node) => node.source)).size !== 1
  )
    return false;
  if (
    reads(tableStrategy) &&
    new Set(targets.map((node) => node.table)).size !== 1 &&
    new Set(nodes.map((node) => node.table)).size !== 1
  )
    return false;
  return current.every((node) => route.nodes.includes(node));
}
