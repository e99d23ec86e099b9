/** Where a statement can run: node sets of its tables at bind time, and the places that have all of them. */
import { MeshError } from '../base/index.ts';
import type { NodePlace, NodeSet, ResolvedStatement, RoutedUses, TableUse } from './across/types.ts';
import { Constraints } from './constraints.ts';
import { evaluate, type KeyPredicate, type Narrowing } from './key-predicate.ts';
import type { PlanBuilder } from './plan-builder.ts';
import { physicalName } from './table-lookup.ts';
import type { BindInput, Route, RouteReason } from './types.ts';

/** What a statement's routes depend on; made once per plan. */
export class Places {
  readonly uses: readonly TableUse[];
  readonly constraints: Constraints;
  readonly #builder: PlanBuilder;
  readonly #predicates: readonly (KeyPredicate | undefined)[];
  /** Of the first sharded table, for people. */
  readonly #keyColumns: string;
  /** Why most statements go where they go. */
  readonly #byKey: { readonly reason: RouteReason; readonly detail: string };
  readonly #defaultSource: string;
  /** Shard sources of the single tables, without repetition. */
  readonly #singleSources: readonly string[];
  readonly #broadcasts: readonly TableUse[];
  readonly sharded: readonly TableUse[];

  constructor(statement: ResolvedStatement, builder: PlanBuilder) {
    this.uses = statement.uses;
    this.#builder = builder;
    this.constraints = new Constraints(statement, builder);
    this.#predicates = statement.uses.map((use) =>
      use.meaning.kind === 'sharded' ? this.constraints.predicate(use) : undefined,
    );
    this.#defaultSource = builder.environment.rules.defaultSource;
    this.#singleSources = [
      ...new Set(statement.uses.flatMap((use) => (use.meaning.kind === 'single' ? [use.meaning.source] : []))),
    ];
    this.#broadcasts = statement.uses.filter((use) => use.meaning.kind === 'broadcast');
    this.sharded = statement.uses.filter((use) => use.meaning.kind === 'sharded');
    const leader = this.sharded[0]?.meaning;
    this.#keyColumns = leader?.kind === 'sharded' ? leader.logical.shardingColumns.join(', ') : '';
    this.#byKey = { reason: 'sharding key', detail: `condition on ${this.#keyColumns}` };
    this.#audit();
  }

  /** DML_SHARDING_CONDITIONS: every sharded table needs some condition on its key. */
  #audit(): void {
    for (const use of this.sharded) {
      if (use.meaning.kind !== 'sharded') continue;
      for (const auditor of use.meaning.logical.auditors) {
        if (auditor.allowHintDisable && this.#builder.hints.disableAuditNames.includes(auditor.name)) continue;
        if (this.#predicates[use.index]!.kind === 'all' && !this.#hinted(use)) {
          throw new MeshError('SM_UNSUPPORTED', {
            what: `a statement on '${use.meaning.logical.name}' without sharding condition`,
            reason: `auditor ${auditor.name} of the rules wants one`,
          });
        }
      }
    }
  }

  #hinted(use: TableUse): boolean {
    const { hints } = this.#builder;
    const name = use.name.table.name.toLowerCase();
    return (
      hints.databaseValue !== undefined ||
      hints.tableValue !== undefined ||
      hints.databaseValues.has(name) ||
      hints.tableValues.has(name)
    );
  }

  /** Nodes that each sharded use needs. */
  route(input: BindInput): RoutedUses & { readonly sets: readonly (NodeSet | undefined)[]; readonly empty: boolean } {
    const narrowing: Narrowing = { narrowed: false, inexact: false, hint: false };
    const sets: (NodeSet | undefined)[] = [];
    let empty = this.sharded.length > 0;
    for (const use of this.uses) {
      if (use.meaning.kind !== 'sharded') {
        sets.push(undefined);
        continue;
      }
      const nodes = evaluate(
        this.#predicates[use.index]!,
        use.meaning.logical,
        input,
        this.#builder.hints,
        this.#builder.charset,
        narrowing,
      );
      if (nodes.length > 0) empty = false;
      sets.push(nodes);
    }
    const reason = this.#reason(narrowing, sets);
    return { sets, empty, nodesOf: (index) => sets[index] ?? [], ...reason };
  }

  #reason(narrowing: Narrowing, sets: readonly (NodeSet | undefined)[]): { reason: RouteReason; detail: string } {
    if (this.sharded.length === 0) {
      if (this.#singleSources.length > 0)
        return { reason: 'single table', detail: `on ${this.#singleSources.join(', ')}` };
      if (this.#broadcasts.length > 0) return { reason: 'broadcast table', detail: 'every source has all rows' };
      return { reason: 'no table', detail: 'the default data source answers' };
    }
    const leader = this.sharded[0]!;
    if (sets.some((set) => set?.length === 0)) return { reason: 'contradiction', detail: 'no row can match' };
    if (narrowing.hint) return { reason: 'hint', detail: 'values of the hint' };
    const all = this.sharded.every(
      (use) => use.meaning.kind === 'sharded' && sets[use.index]!.length === use.meaning.logical.nodes.length,
    );
    if (narrowing.narrowed && (!all || sets[leader.index]!.length === 1)) return this.#byKey;
    const columns = this.#keyColumns;
    if (narrowing.inexact)
      return {
        reason: 'inexact sharding key',
        detail: `the comparison with ${columns} is not made in the column's own type and collation`,
      };
    if (leader.meaning.kind === 'sharded' && leader.meaning.logical.nodes.length === 1)
      return { reason: 'sharding key', detail: 'the table has one node' };
    return { reason: 'no sharding key', detail: `no condition on ${columns}` };
  }

  /** The place that has all rows that the statement needs, if there is one. */
  single(sets: readonly (NodeSet | undefined)[]): NodePlace | undefined {
    let source = this.#singleSources[0];
    if (this.#singleSources.length > 1) return undefined;
    for (const use of this.sharded) {
      const nodes = sets[use.index]!;
      if (nodes.length > 1) return undefined;
      if (nodes.length === 0 || use.meaning.kind !== 'sharded') continue;
      const own = use.meaning.logical.nodes[nodes[0]!]!.source;
      if (source !== undefined && source !== own) return undefined;
      source = own;
    }
    if (source === undefined && this.sharded.length > 0) {
      // No row can match anywhere: any node says so.
      const leader = this.sharded[0]!;
      if (leader.meaning.kind === 'sharded') source = leader.meaning.logical.nodes[0]!.source;
    }
    source ??= this.#broadcastSource();
    const tables: string[] = [];
    for (const use of this.uses) {
      let node = 0;
      if (use.meaning.kind === 'sharded') {
        const nodes = sets[use.index]!;
        node =
          nodes.length === 1
            ? nodes[0]!
            : use.meaning.logical.nodes.findIndex((candidate) => candidate.source === source);
        if (node < 0) return undefined;
      }
      if (
        use.meaning.kind === 'broadcast' &&
        !use.meaning.logical.nodes.some((candidate) => candidate.source === source)
      )
        return undefined;
      tables.push(physicalName(use.meaning, node, source));
    }
    return { source, tables };
  }

  #broadcastSource(): string {
    const first = this.#broadcasts[0];
    if (first?.meaning.kind !== 'broadcast') return this.#defaultSource;
    const sources = first.meaning.logical.nodes.map((node) => node.source);
    return sources.includes(this.#defaultSource) ? this.#defaultSource : sources[0]!;
  }

  /** Places of the nodes of use `leader`: tables of its binding group at the same number, broadcast and single tables beside it. */
  along(leader: number, nodes: NodeSet): NodePlace[] {
    const use = this.uses[leader]!;
    if (use.meaning.kind !== 'sharded')
      throw new MeshError('SM_INTERNAL', { message: 'the leader of a scatter is not sharded' });
    const { logical } = use.meaning;
    return nodes.map((node) => {
      const source = logical.nodes[node]!.source;
      return { source, tables: this.uses.map((other) => physicalName(other.meaning, node, source)) };
    });
  }

  /** The route of a list of places, for EXPLAIN and metrics. */
  describe(places: readonly NodePlace[], routed: { readonly reason: RouteReason; readonly detail: string }): Route {
    const leader = this.sharded[0];
    const total = leader?.meaning.kind === 'sharded' ? leader.meaning.logical.nodes.length : 1;
    const nodes = places.map((place) => ({
      source: place.source,
      tables: place.tables.length < 2 ? place.tables : [...new Set(place.tables)],
    }));
    const target = places.length === 0 ? 'none' : places.length === 1 ? 'one' : places.length >= total ? 'all' : 'some';
    return {
      target,
      role: 'primary',
      reason: routed.reason,
      detail: routed.detail,
      nodes,
      nodesTotal: Math.max(total, nodes.length),
    };
  }
}
