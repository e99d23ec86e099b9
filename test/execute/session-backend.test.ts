import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '../../src/backend/index.ts';
import { MeshError } from '../../src/base/index.ts';
import { SessionBackend, type SourceDirectory, valueLiteral } from '../../src/execute/index.ts';
import { freshSettings, newSessionState, type SessionState, withUserVariables } from '../../src/session/index.ts';
import { localProtocol } from '../../src/transaction/index.ts';
import { FieldType, StatusFlag } from '../../src/wire/index.ts';

interface Stand {
  readonly log: string[];
  readonly state: SessionState;
  readonly backend: SessionBackend;
  /** Connections that are free right now, by source. */
  free: number;
  fail: ((sql: string) => Error | undefined) | undefined;
  status: number;
}

/** A session over pools that write down what happens. */
function stand(): Stand {
  const state = newSessionState(1, 'here');
  const log: string[] = [];
  let made = 0;
  const lend = (source: string): Lease => {
    made += 1;
    const name = `${source}#${made}`;
    const connection = {
      sessionState: undefined as unknown,
      preparedScope: '',
      state: 'idle',
      statusStale: false,
      get status() {
        return self.status;
      },
      query: async (sql: string) => {
        log.push(`${name} ${sql}`);
        const error = self.fail?.(sql);
        if (error !== undefined) throw error;
        return { rows: [], columns: [] };
      },
      reset: async () => void log.push(`${name} reset`),
    };
    return {
      connection,
      release: () => void log.push(`${name} released`),
      destroy: () => {
        connection.state = 'closed';
        log.push(`${name} destroyed`);
      },
      kill: async () => void log.push(`${name} killed`),
    } as unknown as Lease;
  };
  const directory = {
    defaultSource: 'a',
    replicated: false,
    primaryPool: (source: string) => ({
      tryAcquire: () => (self.free > 0 ? lend(source) : undefined),
      acquire: (signal: AbortSignal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    }),
  } as unknown as SourceDirectory;
  const backend = new SessionBackend(
    state,
    directory,
    { foundRows: false, deprecateEof: true },
    {
      LOCAL: localProtocol,
      XA: localProtocol,
      BEST_EFFORT: localProtocol,
    },
  );
  const self: Stand = { log, state, backend, free: 9, fail: undefined, status: StatusFlag.IN_TRANSACTION };
  return self;
}

const code = (wanted: string) => (error: unknown) => error instanceof MeshError && error.code === wanted;

test('a free lease gets what differs, once', async () => {
  const { state, backend, log } = stand();
  state.settings = withUserVariables(freshSettings, [['x', '5']]);
  const held = await backend.take('a', 'read');
  await held.done();
  assert.deepEqual(log, ['a#1 SET @`x`=5', 'a#1 released']);
});

test('BEGIN holds on a pinned connection too', async () => {
  const { state, backend, log } = stand();
  await backend.pinTo('a', 'user lock');
  state.inTransaction = true;
  await backend.take('a', 'write');
  assert.deepEqual(log, ['a#1 BEGIN']);
  await backend.rollback();
  assert.deepEqual(log, ['a#1 BEGIN', 'a#1 ROLLBACK']);
  assert.equal(backend.pin?.source, 'a');
});

test('locked tables keep other sources out; a transaction would release them', async () => {
  const { state, backend } = stand();
  await backend.pinTo('a', 'lock tables');
  await assert.rejects(backend.take('b', 'read'), code('SM_PIN_ELSEWHERE'));
  await assert.rejects(backend.pinTo('b', 'handler'), code('SM_PIN_ELSEWHERE'));
  state.inTransaction = true;
  await assert.rejects(backend.take('a', 'write'), code('SM_UNSUPPORTED'));
});

test('a lost pin is told once, and then it is none', async () => {
  const { backend } = stand();
  await backend.pinTo('a', 'user lock');
  backend.pin?.lease.destroy();
  await assert.rejects(backend.take('b', 'read'), code('SM_SOURCE_LOST'));
  assert.equal(backend.pin, undefined);
  await backend.take('a', 'read');
});

test('a pin that is lost while a statement runs on it ends no transaction, as there is none', async () => {
  const { backend } = stand();
  await backend.pinTo('a', 'user lock');
  const held = await backend.take('a', 'read');
  held.destroy();
  await backend.transactionLost('lost');
  assert.equal(backend.lostPin()?.code, 'SM_SOURCE_LOST');
  await backend.take('a', 'read');
});

test('an interruption ends a wait for a connection, and only this statement', async () => {
  const self = stand();
  self.free = 0;
  const waiting = assert.rejects(self.backend.take('a', 'read'), code('ER_QUERY_INTERRUPTED'));
  await self.backend.leases.interrupt();
  await waiting;
  await self.backend.statementDone();
  self.free = 1;
  await self.backend.take('a', 'read');
});

test('a client that is gone takes nothing any more', async () => {
  const self = stand();
  self.free = 0;
  const waiting = assert.rejects(self.backend.take('a', 'read'), code('ER_CONNECTION_KILLED'));
  await self.backend.close();
  await waiting;
  self.free = 1;
  await assert.rejects(self.backend.take('a', 'read'), code('ER_CONNECTION_KILLED'));
  assert.deepEqual(self.log, []);
});

test('what is settling is not killed when the client vanishes', async () => {
  const { backend, log } = stand();
  const { take } = backend.statementTransaction();
  await take('a');
  backend.settling();
  await backend.close();
  assert.deepEqual(log, ['a#1 BEGIN']);
});

test('settings that cannot be replayed inside of a transaction end it', async () => {
  const self = stand();
  const { state, backend } = self;
  state.inTransaction = true;
  await backend.take('a', 'write');
  state.settings = withUserVariables(freshSettings, [['x', '5']]);
  self.fail = (sql) => (sql.startsWith('SET') ? new Error('no') : undefined);
  await assert.rejects(backend.take('a', 'read'));
  self.fail = undefined;
  await assert.rejects(backend.take('a', 'read'), code('SM_TRANSACTION_ABORTED'));
  await assert.rejects(backend.commit(), code('SM_TRANSACTION_ABORTED'));
  await backend.take('a', 'read');
});

test('a transaction that a server ended is over; with other sources in it that is an error', async () => {
  const self = stand();
  const { state, backend } = self;
  state.inTransaction = true;
  const one = await backend.take('a', 'write');
  self.status = 0;
  await backend.checkStillOpen(one);
  assert.equal(state.inTransaction, false);
  self.status = StatusFlag.IN_TRANSACTION;
  state.inTransaction = true;
  const first = await backend.take('a', 'write');
  await backend.take('b', 'write');
  self.status = 0;
  await assert.rejects(backend.checkStillOpen(first), code('SM_IMPLICIT_COMMIT'));
});

test('values become literals with type, character set and collation', () => {
  const told = { unsigned: false, hex: '', charset: 'utf8mb4', collation: 'utf8mb4_bin' };
  assert.equal(valueLiteral({ ...told, type: FieldType.LONGLONG, value: null }), 'NULL');
  assert.equal(valueLiteral({ ...told, type: FieldType.LONGLONG, unsigned: true, value: '5' }), 'CAST(5 AS UNSIGNED)');
  assert.equal(valueLiteral({ ...told, type: FieldType.NEWDECIMAL, value: '1.50' }), '1.50');
  assert.equal(valueLiteral({ ...told, type: FieldType.NEWDECIMAL, value: '150' }), '150.');
  assert.equal(valueLiteral({ ...told, type: FieldType.DOUBLE, value: '3' }), '3e0');
  assert.equal(valueLiteral({ ...told, type: FieldType.DOUBLE, value: '1e100' }), '1e100');
  assert.equal(
    valueLiteral({ ...told, type: FieldType.VAR_STRING, value: '?', hex: '27' }),
    "_utf8mb4 X'27' COLLATE utf8mb4_bin",
  );
  assert.equal(
    valueLiteral({ ...told, type: FieldType.VAR_STRING, value: '?', hex: '00', charset: 'binary' }),
    "X'00'",
  );
});
