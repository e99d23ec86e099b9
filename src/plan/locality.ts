/**
 * Whether each node can compute its own part of a query alone: sharded tables joined along their keys, nothing that needs
 * rows of two nodes at once. The answer holds for the rows of the top block's FROM and WHERE, not for its aggregates or limits.
 */
import type { SelectBlock, TableFactor } from '../sql/index.ts';
import type {
  ColumnOrigin,
  Relation,
  ResolvedBlock,
  ResolvedQuery,
  ResolvedStatement,
  TableUse,
} from './across/types.ts';
import { collectUses } from './constraints.ts';
import { bindingColumns } from './key-columns.ts';
import { strip } from './parentheses.ts';
import type { Places } from './places.ts';

export class Locality {
  readonly #statement: ResolvedStatement;
  readonly #places: Places;
  /** Sharded use whose nodes the places follow; undefined: none. */
  readonly leader: TableUse | undefined;
  readonly local: boolean;

  constructor(statement: ResolvedStatement, places: Places, query: ResolvedQuery = statement.query) {
    this.#statement = statement;
    this.#places = places;
    const block = query.blocks[0];
    this.leader = block === undefined ? undefined : firstLeader(block);
    this.local =
      block !== undefined &&
      query.blocks.length === 1 &&
      query.others.length === 0 &&
      this.leader !== undefined &&
      this.#othersPresent(this.leader) &&
      this.#blockLocal(block, this.leader) &&
      this.#usesReached(query, this.leader);
  }

  /** Sharded uses of the top block that must hold a row for every result row: their node sets may be intersected. */
  required(): readonly number[] {
    const uses: number[] = [];
    for (const relation of this.#statement.query.blocks[0]?.relations ?? []) {
      if (relation.kind === 'table' && !relation.nullable && relation.use.meaning.kind === 'sharded')
        uses.push(relation.use.index);
    }
    return uses;
  }

  /** Broadcast and single tables must stand on every source of the leader. */
  #othersPresent(leader: TableUse): boolean {
    if (leader.meaning.kind !== 'sharded') return false;
    const sources = new Set(leader.meaning.logical.nodes.map((node) => node.source));
    return this.#statement.uses.every(({ meaning }) => {
      if (meaning.kind === 'sharded') return true;
      if (meaning.kind === 'system') return false;
      if (meaning.kind === 'single') return sources.size === 1 && sources.has(meaning.source);
      return [...sources].every((source) => meaning.logical.nodes.some((node) => node.source === source));
    });
  }

  /** Every sharded use anywhere follows the leader's keys. */
  #usesReached(query: ResolvedQuery, leader: TableUse): boolean {
    const uses = new Set<number>();
    collectUses(query, uses);
    for (const common of query.commons) if (common.recursive) return false;
    return [...uses].every((index) => this.#follows(leader, this.#statement.uses[index]!));
  }

  #follows(leader: TableUse, use: TableUse): boolean {
    if (use.meaning.kind !== 'sharded' || use === leader) return true;
    if (leader.meaning.kind !== 'sharded') return false;
    const pairs = bindingColumns(leader.meaning.logical, use.meaning.logical);
    if (pairs === undefined) return false;
    return pairs.every(([a, b]) => {
      const [from, to] = [originOn(leader, a), originOn(use, b)];
      return from !== undefined && to !== undefined && this.#places.constraints.implies(from, to);
    });
  }

  #blockLocal(block: ResolvedBlock, leader: TableUse): boolean {
    let next = 0;
    const relationLocal = (relation: Relation): boolean => {
      switch (relation.kind) {
        case 'table':
          return true;
        case 'function':
          return true;
        case 'derived':
          return this.#derivedLocal(relation.query, leader);
        case 'common':
          return (
            !relation.common.recursive &&
            (!hasSharded(relation) || relation.common.references === 1) &&
            this.#derivedLocal(relation.common.query, leader)
          );
      }
    };
    const walk = (factor: TableFactor): { readonly sharded: boolean; readonly ok: boolean } => {
      if (factor.kind === 'tables') return combine(factor.tables.map(walk));
      if (factor.kind !== 'join') {
        const relation = block.relations[next++];
        return relation === undefined
          ? { sharded: false, ok: false }
          : { sharded: hasSharded(relation), ok: relationLocal(relation) };
      }
      const [left, right] = [walk(factor.left), walk(factor.right)];
      const ok = left.ok && right.ok;
      switch (factor.type) {
        case 'inner':
          return combine([left, right]);
        // A preserved row that every node has would be answered by every node.
        case 'left':
          return { sharded: left.sharded || right.sharded, ok: ok && (left.sharded || !right.sharded) };
        case 'right':
          return { sharded: left.sharded || right.sharded, ok: ok && (right.sharded || !left.sharded) };
        case 'full':
          return { sharded: left.sharded || right.sharded, ok: ok && !left.sharded && !right.sharded };
      }
    };
    if (!combine(block.select.from.map(walk)).ok) return false;
    return block.subqueries.every((query) => this.#subqueryLocal(query));
  }

  /** Subqueries: whether their sharded tables follow the leader is asked of all uses together; what is left is limits without order. */
  #subqueryLocal(query: ResolvedQuery): boolean {
    return query.commons.every((common) => !common.recursive) && !hasSystem(query);
  }

  #derivedLocal(query: ResolvedQuery, leader: TableUse): boolean {
    const uses = new Set<number>();
    collectUses(query, uses);
    const sharded = [...uses].some((index) => this.#statement.uses[index]!.meaning.kind === 'sharded');
    if (!sharded) return query.blocks.every((block) => block.select.limit === undefined);
    if (query.blocks.length !== 1 || query.others.length > 0) return false;
    const block = query.blocks[0]!;
    const { select } = block;
    if (select.limit !== undefined || block.windowed || select.rollup) return false;
    const own = firstLeader(block);
    if (own === undefined) return false;
    if (block.aggregated && !this.#groupedByKey(select, own)) return false;
    if (select.distinct && !this.#hasKey(block.output?.map((column) => column.origin) ?? [], own)) return false;
    return this.#blockLocal(block, leader);
  }

  #groupedByKey(select: SelectBlock, use: TableUse): boolean {
    const origins = select.groupBy.map((item) => {
      const ref = strip(item.expression);
      const resolved = ref.kind === 'column' ? this.#statement.columns.get(ref) : undefined;
      return resolved?.kind === 'relation' ? resolved.origin : undefined;
    });
    return this.#hasKey(origins, use);
  }

  /** Whether the columns hold (or equal) all sharding columns of a use. */
  #hasKey(origins: readonly (ColumnOrigin | undefined)[], use: TableUse): boolean {
    if (use.meaning.kind !== 'sharded' || use.meaning.logical.shardingColumns.length === 0) return false;
    return use.meaning.logical.shardingColumns.every((name) => {
      const key = originOn(use, name);
      return (
        key !== undefined &&
        origins.some((origin) => origin !== undefined && this.#places.constraints.implies(origin, key))
      );
    });
  }
}

function combine(parts: readonly { readonly sharded: boolean; readonly ok: boolean }[]): {
  readonly sharded: boolean;
  readonly ok: boolean;
} {
  return { sharded: parts.some((part) => part.sharded), ok: parts.every((part) => part.ok) };
}

/** First sharded table of a block that no outer join can drop; inside of derived tables, too. */
function firstLeader(block: ResolvedBlock): TableUse | undefined {
  for (const relation of block.relations) {
    if (relation.kind === 'table' && !relation.nullable && relation.use.meaning.kind === 'sharded') return relation.use;
  }
  for (const relation of block.relations) {
    if (relation.nullable) continue;
    const query =
      relation.kind === 'derived' ? relation.query : relation.kind === 'common' ? relation.common.query : undefined;
    const inner = query?.blocks.length === 1 ? firstLeader(query.blocks[0]!) : undefined;
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function hasSharded(relation: Relation): boolean {
  if (relation.kind === 'table') return relation.use.meaning.kind === 'sharded';
  const query =
    relation.kind === 'derived' ? relation.query : relation.kind === 'common' ? relation.common.query : undefined;
  return query !== undefined && queryRelations(query).some(hasSharded);
}

function queryRelations(query: ResolvedQuery): Relation[] {
  return query.blocks.flatMap((block) => [...block.relations]);
}

function hasSystem(query: ResolvedQuery): boolean {
  return queryRelations(query).some((relation) => relation.kind === 'table' && relation.use.meaning.kind === 'system');
}

function originOn(use: TableUse, column: string): ColumnOrigin | undefined {
  const found = use.schema?.columnsByName.get(column);
  return found === undefined ? undefined : { use, column: found };
}
