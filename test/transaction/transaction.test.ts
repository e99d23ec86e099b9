import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackendFault, type Lease, ServerError } from '../../src/backend/index.ts';
import type { MeshError } from '../../src/base/index.ts';
import { plainTransaction, type TransactionCharacteristics } from '../../src/session/index.ts';
import { localProtocol, Transaction } from '../../src/transaction/index.ts';

type Answer = (sql: string) => Error | undefined;

/** A lease that writes down what is asked of it, and answers as told. */
function stand(log: string[], name: string, answer: Answer = () => undefined): Lease {
  return {
    connection: {
      query(sql: string) {
        log.push(`${name}: ${sql}`);
        const error = answer(sql);
        return error === undefined ? Promise.resolve({}) : Promise.reject(error);
      },
    },
    release: () => log.push(`${name}: released`),
    destroy: () => log.push(`${name}: destroyed`),
  } as unknown as Lease;
}

const lost = (mayHaveExecuted: boolean): Error => new BackendFault('gone', { stage: 'request', mayHaveExecuted });
const refused = (): Error => new ServerError({ errno: 1180, sqlState: 'HY000', message: 'no' });

async function open(
  log: string[],
  answers: Record<string, Answer>,
  characteristics: TransactionCharacteristics = plainTransaction,
): Promise<Transaction> {
  const transaction = new Transaction(localProtocol, {
    origin: 'session',
    characteristics,
    logicalDatabase: 'd',
    connectionId: 1,
  });
  for (const [source, answer] of Object.entries(answers)) {
    (await transaction.join(source, stand(log, source, answer))).wrote = true;
  }
  return transaction;
}

test('a branch opens in one packet, with its characteristics, earlier savepoints and what belongs to it', async () => {
  const log: string[] = [];
  const characteristics = { isolation: 'READ COMMITTED', access: 'READ ONLY', consistentSnapshot: true } as const;
  const transaction = await open(log, { a: () => undefined }, characteristics);
  await transaction.savepoint('s`1');
  await transaction.join('b', stand(log, 'b'), 'SET timestamp=1');
  assert.deepEqual(log, [
    'a: SET TRANSACTION ISOLATION LEVEL READ COMMITTED;START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY',
    'a: SAVEPOINT `s``1`',
    'b: SET TRANSACTION ISOLATION LEVEL READ COMMITTED;START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY;SAVEPOINT `s``1`;SET timestamp=1',
  ]);
});

test('savepoints: later ones end with ROLLBACK TO and RELEASE, names know no case, one set anew is the last', async () => {
  const transaction = await open([], { a: () => undefined });
  for (const name of ['one', 'two', 'three']) await transaction.savepoint(name);
  await transaction.rollbackTo('TWO');
  assert.deepEqual(
    ['one', 'two', 'three'].map((name) => transaction.hasSavepoint(name)),
    [true, true, false],
  );
  await transaction.savepoint('ONE');
  await transaction.release('two');
  assert.deepEqual(
    ['one', 'two'].map((name) => transaction.hasSavepoint(name)),
    [false, false],
  );
});

test('commit gives every lease back', async () => {
  const log: string[] = [];
  await (await open(log, { a: () => undefined, b: () => undefined })).commit();
  assert.deepEqual(log.slice(2), ['a: COMMIT', 'b: COMMIT', 'a: released', 'b: released']);
});

test('a first COMMIT that is refused rolls the others back, and is the error', async () => {
  const log: string[] = [];
  const transaction = await open(log, { a: (sql) => (sql === 'COMMIT' ? refused() : undefined), b: () => undefined });
  await assert.rejects(transaction.commit(), (error: ServerError) => error.errno === 1180);
  assert.ok(log.includes('b: ROLLBACK') && !log.includes('b: COMMIT'));
});

test('a second COMMIT that fails is told as partial, with both lists', async () => {
  const log: string[] = [];
  const transaction = await open(log, {
    a: () => undefined,
    b: (sql) => (sql === 'COMMIT' ? lost(true) : undefined),
    c: () => undefined,
  });
  await assert.rejects(transaction.commit(), (error: MeshError) => {
    assert.equal(error.code, 'SM_PARTIAL_COMMIT');
    assert.match(error.message, /succeeded on \[a\] and failed on \[b \(outcome unknown\), c\]/);
    return true;
  });
  assert.ok(log.includes('c: ROLLBACK') && log.includes('b: destroyed'));
});

test('a first COMMIT whose outcome is not known is not told as rolled back', async () => {
  const transaction = await open([], { a: (sql) => (sql === 'COMMIT' ? lost(true) : undefined), b: () => undefined });
  await assert.rejects(transaction.commit(), (error: MeshError) => error.code === 'SM_PARTIAL_COMMIT');
});

test('a branch that cannot be asked to roll back is cut off', async () => {
  const log: string[] = [];
  await (
    await open(log, { a: (sql) => (sql === 'ROLLBACK' ? lost(false) : undefined), b: () => undefined })
  ).rollback();
  assert.ok(log.includes('a: destroyed') && log.includes('b: ROLLBACK') && log.includes('b: released'));
});

test('connections of unknown state are closed, pinned ones kept', async () => {
  const log: string[] = [];
  const transaction = await open(log, { a: () => undefined, b: () => undefined });
  transaction.keepOut('a');
  transaction.keepFor('b');
  await transaction.commit();
  assert.deepEqual(log.slice(4), ['a: destroyed']);
});
