/** A statement that a hint sends to one data source as it is. */
import { MeshError } from '../base/index.ts';
import { shardSourceOf } from '../rules/index.ts';
import type { Statement } from '../sql/index.ts';
import type { Binding } from './compiled-plan.ts';
import type { PlanBuilder } from './plan-builder.ts';
import { clientBytes } from './rewrite.ts';
import type { Access, Route, SessionEffects, ShardQuery } from './types.ts';

/** Routes to the source of DATA_SOURCE_NAME without rewriting; tables are physical names there. */
export function compileHinted(
  statement: Statement,
  name: string,
  builder: PlanBuilder,
  effects: SessionEffects,
): Binding {
  const source = shardSourceOf(builder.environment.rules, name);
  if (source === undefined)
    throw new MeshError('SM_UNSUPPORTED', {
      what: `hint DATA_SOURCE_NAME=${name}`,
      reason: 'the rules have no such data source',
    });
  if (statement.kind === 'load')
    throw new MeshError('SM_UNSUPPORTED', { what: 'LOAD DATA with a hint', reason: 'run it on the server itself' });
  return forwardAsIs(
    source,
    statement.kind === 'query' ? 'read' : 'write',
    builder,
    effects,
    { reason: 'hint', detail: `DATA_SOURCE_NAME=${name}` },
    'hinted',
  );
}

/** The client's own bytes to one source. */
export function forwardAsIs(
  source: string,
  access: Access,
  builder: PlanBuilder,
  effects: SessionEffects,
  why: Pick<Route, 'reason' | 'detail'>,
  kind = 'forward',
): Binding {
  const route: Route = { target: 'one', role: 'primary', ...why, nodes: [{ source, tables: [] }], nodesTotal: 1 };
  const names = { database: builder.environment.rules.databaseName, tables: new Map<string, string>() };
  const pin = effects.pins[0];
  return {
    kind,
    bind(input) {
      const query: ShardQuery = {
        source,
        text: clientBytes(input.tokens, input.fingerprint),
        parameters: undefined,
        nodeTables: [],
      };
      if (pin !== undefined) return { kind: 'pinned', pin, ends: false, route, query, names };
      return { kind: 'forward', access, route, query, names };
    },
    prepare: (input) => ({
      query: { source, text: clientBytes(input.tokens, input.fingerprint), parameters: undefined, nodeTables: [] },
      names,
    }),
  };
}
