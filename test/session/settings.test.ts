import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  freshSettings,
  newSessionState,
  resetSessionState,
  type Settings,
  settingsReplay,
  withUserVariables,
  withVariables,
} from '../../src/session/index.ts';

const seed = Number(process.env['SHARDMESH_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

test('equal settings are one object, whatever way led to them', () => {
  const a = withVariables(freshSettings, [['time_zone', "'+01:00'"]]);
  const b = withVariables(withVariables(freshSettings, [['time_zone', "'+02:00'"]]), [['time_zone', "'+01:00'"]]);
  assert.equal(a, b);
  assert.equal(withVariables(a, [['time_zone', undefined]]), freshSettings);
  assert.notEqual(withVariables(freshSettings, [['a', '1']]), withUserVariables(freshSettings, [['a', '1']]));
});

test('a user variable that is NULL is as one that was never set', () => {
  const set = withUserVariables(freshSettings, [['a', '5']]);
  assert.equal(withUserVariables(set, [['a', 'NULL']]), freshSettings);
});

test('a replay names what differs only, and takes back what the other had', () => {
  const from = withUserVariables(withVariables(freshSettings, [['sql_mode', "'ANSI'"]]), [['secret', "X'41'"]]);
  const to = withVariables(freshSettings, [['time_zone', "'+01:00'"]]);
  assert.equal(settingsReplay(from, to), "SET @@session.time_zone='+01:00',@@session.sql_mode=DEFAULT,@`secret`=NULL");
  assert.equal(settingsReplay(to, to), undefined);
  const names = withVariables(freshSettings, [['character_set_client', "'latin1'"]]);
  // DEFAULT would be the server's own, not the connection's.
  assert.equal(settingsReplay(names, freshSettings), 'SET @@session.character_set_client=utf8mb4');
});

test('a name with backticks stays one name', () => {
  const to = withUserVariables(freshSettings, [['a`b', '1']]);
  assert.equal(settingsReplay(freshSettings, to), 'SET @`a``b`=1');
});

test(`replays lead from any settings to any others (seed ${seed})`, () => {
  const names = fc.constantFrom('a', 'b', 'c');
  const values = fc.constantFrom('1', "X'41'", '2.50', '1e0');
  const settings: fc.Arbitrary<Settings> = fc
    .tuple(fc.dictionary(names, values), fc.dictionary(names, values))
    .map(([variables, user]) =>
      withUserVariables(withVariables(freshSettings, Object.entries(variables)), Object.entries(user)),
    );
  fc.assert(
    fc.property(settings, settings, (from, to) => {
      const variables = new Map(from.variables);
      const user = new Map(from.userVariables);
      for (const item of (settingsReplay(from, to) ?? 'SET ')
        .slice(4)
        .split(',')
        .filter((text) => text !== '')) {
        const [, system, own, value] = /^@(?:@session\.(\w+)|`(\w+)`)=(.*)$/.exec(item) as unknown as string[];
        const [map, name] = system === undefined ? [user, own as string] : [variables, system];
        if (value === 'DEFAULT' || value === 'NULL') map.delete(name);
        else map.set(name, value as string);
      }
      assert.deepEqual(new Map([...variables].sort()), new Map([...to.variables].sort()));
      assert.deepEqual(new Map([...user].sort()), new Map([...to.userVariables].sort()));
    }),
    { seed, numRuns: 300 },
  );
});

test('a reset session is a new one of the same connection, user and database', () => {
  const state = newSessionState(7, 'here');
  Object.assign(state, {
    user: 'app',
    database: 'shop',
    settings: withUserVariables(freshSettings, [['a', '1']]),
    autocommit: false,
    inTransaction: true,
    lastInsertId: 5n,
    foundRows: 6n,
    rowCount: 7n,
    diagnostics: [{ level: 'Error', code: 1, message: 'x' }],
  });
  resetSessionState(state);
  assert.deepEqual(state, { ...newSessionState(7, 'here'), user: 'app', database: 'shop' });
});
