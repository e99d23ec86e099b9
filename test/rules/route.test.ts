/** Routes of tables: from conditions to nodes, from rows to the one node, with hints and lookup tables. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type KeyCondition,
  type KeyConditions,
  type KeyValue,
  noHints,
  parseHints,
  resolveLookups,
  routeNodes,
  routeRow,
} from '../../src/rules/index.ts';
import { loadRulesFile } from './load-text.ts';

const int = (value: number | bigint): KeyValue => ({ kind: 'integer', value: BigInt(value) });
const values = (...numbers: number[]): KeyCondition => ({ kind: 'values', values: numbers.map(int) });
const when = (conditions: Record<string, KeyCondition>): KeyConditions => new Map(Object.entries(conditions));
const orders = loadRulesFile('../../rules/shop.yaml').value!.tables.get('orders')!;
const countries = loadRulesFile('../../rules/shop.yaml').value!.tables.get('countries')!;
const nodes = (conditions: KeyConditions, hints = noHints, table = orders): readonly number[] => {
  const route = routeNodes(table, conditions, hints);
  assert.equal(route.kind, 'nodes');
  return route.kind === 'nodes' ? route.nodes : [];
};

test('both keys, one key, none, NULL, an empty list', () => {
  assert.deepEqual(nodes(when({ user_id: values(3), order_id: values(8) })), [2]);
  assert.deepEqual(nodes(when({ user_id: values(3) })), [2, 3]);
  assert.deepEqual(nodes(when({ order_id: values(8) })), [0, 2]);
  assert.deepEqual(nodes(when({})), [0, 1, 2, 3]);
  assert.deepEqual(nodes(when({ other: values(1) })), [0, 1, 2, 3]);
  assert.deepEqual(nodes(when({ user_id: { kind: 'values', values: [{ kind: 'null' }] } })), [0, 1, 2, 3]);
  assert.deepEqual(nodes(when({ user_id: { kind: 'values', values: [] } })), []);
  assert.deepEqual(nodes(when({ user_id: values(1, 3, 5) })), [2, 3]);
  assert.deepEqual(
    nodes(when({ user_id: { kind: 'range', low: int(4), high: int(4), lowInclusive: true, highInclusive: true } })),
    [0, 1],
  );
  assert.deepEqual(nodes(when({ user_id: values(-1) })), [0, 1, 2, 3]);
  assert.deepEqual(nodes(when({ user_id: values(1) }), noHints, countries), [0, 1]);
});

test('property: the node of a row is among the nodes of every condition that the row meets', () => {
  const number = fc.integer({ min: 0, max: 1_000_000 });
  fc.assert(
    fc.property(number, number, fc.array(number, { maxLength: 4 }), number, (user, order, others, width) => {
      const row = routeRow(
        orders,
        new Map([
          ['user_id', int(user)],
          ['order_id', int(order)],
        ]),
        noHints,
      );
      assert.equal(row.kind, 'node');
      const node = row.kind === 'node' ? row.node : -1;
      const candidates: KeyConditions[] = [
        when({ user_id: values(user, ...others), order_id: values(...others, order) }),
        when({
          user_id: {
            kind: 'range',
            low: int(user - (width % 100)),
            high: int(user + (width % 50)),
            lowInclusive: true,
            highInclusive: true,
          },
        }),
        when({ order_id: { kind: 'range', low: int(order), lowInclusive: true, highInclusive: false } }),
      ];
      for (const conditions of candidates) assert.ok(nodes(conditions).includes(node));
    }),
    { numRuns: 300 },
  );
});

test('rows: missing key, NULL, a value without shard', () => {
  const row = (given: Record<string, KeyValue>) => routeRow(orders, new Map(Object.entries(given)), noHints);
  assert.deepEqual(row({ user_id: int(2), order_id: int(5) }), { kind: 'node', node: 1 });
  assert.throws(() => row({ user_id: int(2) }), { code: 'SM_SHARDING_KEY_MISSING', message: /order_id/ });
  assert.throws(() => row({ user_id: { kind: 'null' }, order_id: int(5) }), {
    code: 'SM_NO_SHARD_FOR_VALUE',
    message: /NULL/,
  });
  assert.throws(() => row({ user_id: int(-1), order_id: int(5) }), { code: 'SM_NO_SHARD_FOR_VALUE', message: /-1/ });
});

test('hints pick the targets of hint strategies', () => {
  const table = loadRulesFile('files/hint.yaml').value!.tables.get('t_order')!;
  const hints = (body: string) => parseHints([`SHARDMESH_HINT: ${body}`]).hints;
  assert.deepEqual(nodes(when({}), noHints, table), [0, 1, 2, 3]);
  assert.deepEqual(nodes(when({}), hints('SHARDING_DATABASE_VALUE=1'), table), [2, 3]);
  assert.deepEqual(
    nodes(when({}), hints('t_order.SHARDING_DATABASE_VALUE=1, T_ORDER.SHARDING_TABLE_VALUE=0'), table),
    [2],
  );
  assert.deepEqual(routeRow(table, new Map(), hints('SHARDING_DATABASE_VALUE=0, SHARDING_TABLE_VALUE=1')), {
    kind: 'node',
    node: 1,
  });
  assert.throws(() => routeRow(table, new Map(), noHints), { code: 'SM_SHARDING_KEY_MISSING' });
});

test('complex, list and lookup', async () => {
  const tables = loadRulesFile('files/complex-and-interval.yaml').value!.tables;
  assert.deepEqual(nodes(when({ a: values(1), b: values(2) }), noHints, tables.get('t_pair')!), [3]);
  assert.deepEqual(nodes(when({ a: values(1) }), noHints, tables.get('t_pair')!), [2, 3]);
  const country = tables.get('t_country')!;
  assert.deepEqual(
    nodes(when({ code: { kind: 'values', values: [{ kind: 'string', text: 'us' }] } }), noHints, country),
    [1],
  );
  assert.deepEqual(
    nodes(when({ code: { kind: 'values', values: [{ kind: 'string', text: 'fr' }] } }), noHints, country),
    [],
  );

  const found = tables.get('t_found')!;
  const conditions = when({
    mail: {
      kind: 'values',
      values: [
        { kind: 'string', text: 'a@x' },
        { kind: 'string', text: 'b@x' },
        { kind: 'string', text: 'c@x' },
      ],
    },
  });
  const first = routeNodes(found, conditions, noHints);
  assert.equal(first.kind, 'needsKeys');
  if (first.kind !== 'needsKeys') return;
  assert.equal(first.requests.length, 1);
  const answers = await resolveLookups(first.requests, {
    lookUp: async (request) =>
      request.values.map((value) => (value.kind === 'string' && value.text === 'a@x' ? 'ds_1' : undefined)),
  });
  assert.deepEqual(routeNodes(found, conditions, noHints, answers), { kind: 'nodes', nodes: [1], by: 'key' });
  assert.deepEqual(routeRow(found, new Map([['mail', { kind: 'string', text: 'a@x' }]]), noHints, answers), {
    kind: 'node',
    node: 1,
  });
  assert.throws(() => routeRow(found, new Map([['mail', { kind: 'string', text: 'b@x' }]]), noHints, answers), {
    code: 'SM_NO_SHARD_FOR_VALUE',
  });
});

test('text and numbers that look alike are different lookup questions', () => {
  const found = loadRulesFile('files/complex-and-interval.yaml').value!.tables.get('t_found')!;
  const ask = (value: KeyValue) => routeNodes(found, when({ mail: { kind: 'values', values: [value] } }), noHints);
  assert.equal(ask({ kind: 'string', text: '1' }).kind, 'needsKeys');
  assert.equal(ask(int(1)).kind, 'needsKeys');
});
