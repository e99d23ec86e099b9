/** SELECT: forwarded when one place has all rows that it needs, otherwise handed to planning across shards. */
import { MeshError } from '../base/index.ts';
import type { SelectBlock, SelectStatement } from '../sql/index.ts';
import { planAcross } from './across/index.ts';
import type { AcrossPlan, NodePlace, NodeSet, ResolvedStatement } from './across/types.ts';
import { acrossBuilder } from './across-builder.ts';
import { bindText } from './compile.ts';
import type { Binding } from './compiled-plan.ts';
import { Locality } from './locality.ts';
import { Places } from './places.ts';
import { nameEdits, nameMap, type PlanBuilder } from './plan-builder.ts';
import { Resolver } from './resolve.ts';
import { type RewriteTemplate, render } from './rewrite.ts';
import { shardQuery } from './shard-query.ts';
import type { Access, Action, BindInput, NameMap, PinKind, Route, SessionEffects, ShardQuery } from './types.ts';

/** Plans a SELECT. Throws MeshError for what no values can make right. */
export function compileSelect(statement: SelectStatement, builder: PlanBuilder, effects: SessionEffects): Binding {
  const resolver = new Resolver(builder.environment);
  const resolved = resolver.query(statement.query);
  return new SelectBinding(statement, resolved, builder, effects);
}

type IntoClause = NonNullable<SelectBlock['into']>;

export class SelectBinding implements Binding {
  readonly kind = 'select';
  readonly resolved: ResolvedStatement;
  readonly places: Places;
  readonly locality: Locality;
  readonly #statement: SelectStatement;
  readonly #builder: PlanBuilder;
  readonly #template: RewriteTemplate;
  readonly #names: NameMap;
  readonly #access: Access;
  readonly #pin: PinKind | undefined;
  readonly #alwaysAcross: boolean;
  #across: AcrossPlan | MeshError | undefined;

  constructor(statement: SelectStatement, resolved: ResolvedStatement, builder: PlanBuilder, effects: SessionEffects) {
    this.#statement = statement;
    this.resolved = resolved;
    this.#builder = builder;
    this.places = new Places(resolved, builder);
    this.locality = new Locality(resolved, this.places);
    this.#template = builder.text.whole(nameEdits(statement, resolved, builder));
    this.#names = nameMap(resolved.uses, builder.environment);
    this.#access = resolved.query.blocks.some((block) => block.select.lock !== undefined) ? 'write' : 'read';
    // Found rows are told with the answer: what else the statement leaves on its server holds the session there.
    this.#pin = effects.pins.find((pin) => pin !== 'found rows') ?? effects.pins[0];
    // Compiled with the plan: the literals that it looks at are those of this text.
    this.#alwaysAcross = resolved.uses.some(
      (use) => use.meaning.kind === 'system' && use.meaning.schema === 'information_schema',
    );
    if (this.#alwaysAcross || this.places.sharded.length > 0 || this.places.single([]) === undefined)
      this.#compileAcross();
  }

  bind(input: BindInput): Action | Promise<Action> {
    const routed = this.places.route(input);
    let { sets } = routed;
    let place = this.#alwaysAcross ? undefined : this.places.single(sets);
    if (place === undefined && this.locality.local && !this.#alwaysAcross) {
      const leader = this.locality.leader!.index;
      const nodes = this.#shared(sets, leader);
      sets = sets.map((set, index) => (index === leader ? nodes : set));
      if (nodes.length <= 1) place = this.places.along(leader, nodes.length === 0 ? [0] : nodes)[0];
    }
    if (place !== undefined) return this.#forward(input, place, this.places.describe([place], routed));
    if (this.#pin !== undefined && this.#pin !== 'found rows') {
      return refuse(
        new MeshError('SM_UNSUPPORTED', {
          what: `a statement that keeps state on its server (${this.#pin})`,
          reason: 'it needs rows of several nodes',
        }),
      );
    }
    const into = this.resolved.query.blocks.find((block) => block.select.into !== undefined)?.select.into;
    if (into !== undefined) return this.#intoVariables(into, input);
    const across = this.#compileAcross();
    if (across instanceof MeshError) return refuse(across);
    return across.bind(input, { reason: routed.reason, detail: routed.detail, nodesOf: (index) => sets[index] ?? [] });
  }

  prepare(input: BindInput): { query: ShardQuery; names: NameMap } | undefined {
    const sets = this.resolved.uses.map((use) => (use.meaning.kind === 'sharded' ? [] : undefined));
    const place =
      this.places.single(sets) ??
      (this.locality.local ? this.places.along(this.locality.leader!.index, [0])[0] : undefined);
    if (place === undefined) return undefined;
    return { query: shardQuery(this.#template, input, place), names: this.#names };
  }

  /** Nodes of the leader that every joined table's own conditions allow. */
  #shared(sets: readonly (NodeSet | undefined)[], leader: number): NodeSet {
    let nodes = sets[leader] ?? [];
    for (const index of this.locality.required()) nodes = nodes.filter((node) => sets[index]!.includes(node));
    return nodes;
  }

  #forward(input: BindInput, place: NodePlace, route: Route): Action {
    const query = shardQuery(this.#template, input, place);
    if (this.#pin !== undefined) {
      const home =
        this.#pin === 'user lock' ? { ...query, source: this.#builder.environment.rules.defaultSource } : query;
      if (this.#pin === 'user lock' && home.source !== place.source && this.resolved.uses.length > 0) {
        return refuse(
          new MeshError('SM_PIN_ELSEWHERE', { pinned: home.source, reason: 'user lock', wanted: place.source }),
        );
      }
      return { kind: 'pinned', pin: this.#pin, ends: false, route, query: home, names: this.#names };
    }
    return { kind: 'forward', access: this.#access, route, query, names: this.#names };
  }

  /** The same statement without INTO is planned for this execution. */
  async #intoVariables({ kind, variables, span }: IntoClause, input: BindInput): Promise<Action> {
    if (kind === 'file')
      return refuse(
        new MeshError('SM_UNSUPPORTED', { what: 'SELECT ... INTO a file', reason: 'its rows come from several nodes' }),
      );
    const builder = this.#builder;
    const template = builder.text.whole([{ at: span, pieces: [] }]);
    const rendered = render(template, input.tokens, input.fingerprint, [], undefined, () => undefined);
    const kept = rendered.parameters ?? input.parameters.map((_, index) => index);
    const read = await bindText(rendered.text, builder, input, kept);
    return read.kind === 'refuse' ? read : { kind: 'selectInto', read, variables };
  }

  #compileAcross(): AcrossPlan | MeshError {
    if (this.#across === undefined) {
      try {
        this.#across = planAcross(
          this.resolved,
          acrossBuilder(this.#statement, this.resolved, this.#builder, this.places, this.locality, this.#names),
        );
      } catch (error) {
        if (!(error instanceof MeshError)) throw error;
        this.#across = error;
      }
    }
    return this.#across;
  }
}

export function refuse(error: MeshError): Action {
  return { kind: 'refuse', error };
}
