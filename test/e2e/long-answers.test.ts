/** Long answers of several sessions at once, fast and slow readers, short statements between them: every byte is the server's own. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection as CallbackConnection } from 'mysql2';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

const ROWS = 6000;
const READS = 4;
let pair: ShardedPair;

before(async () => {
  pair = await startShardedPair({ rules: '- !SINGLE { tables: ["ds_0.*"], defaultDataSource: ds_0 }\n' });
  const client = await pair.connect();
  await client.query('CREATE TABLE wide (id INT PRIMARY KEY, text VARCHAR(1000) CHARACTER SET latin1)');
  for (let from = 0; from < ROWS; from += 500) {
    const rows = Array.from({ length: 500 }, (_, index) => {
      const id = from + index;
      return [
        id,
        createHash('sha1')
          .update(String(id))
          .digest('hex')
          .repeat(25)
          .slice(id % 400),
      ];
    });
    await client.query('INSERT INTO wide VALUES ?', [rows]);
  }
  await client.end();
});

after(() => pair?.stop());

async function digestOf(client: Connection, slow: boolean): Promise<string> {
  const hash = createHash('sha1');
  let rows = 0;
  const { connection } = client as unknown as { readonly connection: CallbackConnection };
  const stream = connection.query('SELECT id, text FROM wide ORDER BY id').stream();
  for await (const row of stream) {
    hash.update(`${row.id}:${row.text};`);
    rows += 1;
    if (slow && rows % 1000 === 0) await sleep(20);
  }
  assert.equal(rows, ROWS);
  return hash.digest('hex');
}

it('gives every session the bytes of the table', { timeout: 120_000 }, async () => {
  const hash = createHash('sha1');
  for (let id = 0; id < ROWS; id++)
    hash.update(
      `${id}:${createHash('sha1')
        .update(String(id))
        .digest('hex')
        .repeat(25)
        .slice(id % 400)};`,
    );
  const wanted = hash.digest('hex');
  await Promise.all(
    [false, false, true, true].map(async (slow) => {
      const client = await pair.connect();
      for (let read = 0; read < READS; read++) {
        assert.equal(await digestOf(client, slow), wanted);
        const [rows] = await client.query<RowDataPacket[]>(`SELECT id FROM wide WHERE id = ${read}`);
        assert.equal(rows[0]?.['id'], read);
      }
      await client.end();
    }),
  );
});
