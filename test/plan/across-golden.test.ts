/**
 * Golden cases of planning across shards: across-cases/*.yaml hold statement and plan.
 * UPDATE_GOLDEN=1 rewrites the plans in place; the difference is for review.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import type { Action, ShardQuery } from '../../src/plan/index.ts';
import { actionOf, environment, parameter } from './shop-layout.ts';

interface GoldenCase {
  comment?: string;
  sql: string;
  params?: (string | number | null)[];
  plan: unknown;
}

const folder = new URL('./across-cases/', import.meta.url);
const update = process.env['UPDATE_GOLDEN'] === '1';

const queryOf = (query: ShardQuery) => ({
  [query.source]: Buffer.from(query.text).toString(),
  ...(query.parameters === undefined ? {} : { parameters: [...query.parameters] }),
});

/** What a reader wants to see of an action. */
function describeAction(action: Action): unknown {
  switch (action.kind) {
    case 'refuse':
      return { refuse: action.error.code, reason: action.error.message };
    case 'scatter': {
      const { visible, inputOrder, group, outputOrder, offset, limit } = action.merge;
      const key = (k: (typeof inputOrder)[number]) =>
        `${k.column}${k.weight === undefined ? '' : ` by ${k.weight}`}${k.descending ? ' desc' : ''}`;
      return {
        scatter: action.queries.map(queryOf),
        merge: {
          visible,
          ...(inputOrder.length === 0 ? {} : { order: inputOrder.map(key) }),
          ...(group === undefined
            ? {}
            : {
                group: group.keys.map(key),
                aggregates: group.aggregates.map((a) => JSON.stringify(a)),
                ...(group.always ? { always: true } : {}),
              }),
          ...(outputOrder.length === 0 ? {} : { sort: outputOrder.map(key) }),
          ...(offset === 0n ? {} : { offset: Number(offset) }),
          ...(limit === undefined ? {} : { limit: Number(limit) }),
          ...(action.merge.countsAll === true ? { countsAll: true } : {}),
        },
      };
    }
    case 'scratch':
      return {
        scratch: action.scratch.source,
        feeds: action.scratch.feeds.map((feed) => ({
          define: Buffer.from(feed.define.text).toString(),
          ...(feed.define.parameters === undefined || feed.define.parameters.length === 0
            ? {}
            : { parameters: [...feed.define.parameters] }),
          columns: feed.columns.map((name, i) => `${name} ${feed.loads[i]}`).join(', '),
          rows: feed.rows.kind === 'queries' ? feed.rows.queries.map(queryOf) : `information_schema.${feed.rows.table}`,
        })),
        final: queryOf(action.scratch.final),
      };
    default:
      return { [action.kind]: true };
  }
}

for (const file of readdirSync(folder).sort()) {
  const path = new URL(file, folder);
  const cases = parse(readFileSync(path, 'utf8')) as GoldenCase[];
  describe(file, () => {
    for (const item of cases) {
      test(item.comment ?? item.sql, async () => {
        const plan = describeAction(await actionOf(item.sql, environment(), (item.params ?? []).map(parameter)));
        if (update) item.plan = plan;
        else assert.deepEqual(plan, item.plan);
      });
    }
    if (update) test('written', () => writeFileSync(path, stringify(cases, { lineWidth: 0 })));
  });
}
