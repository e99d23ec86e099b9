/** Users whose passwords come from hashes, files and the environment, as shardmesh.yaml may hold them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { newStoredSha2 } from '../../src/wire/index.ts';
import { type ShardedPair, startShardedPair } from './sharded-pair.ts';

const folder = mkdtempSync(join(tmpdir(), 'shardmesh-passwords-'));
const sha1 = (bytes: string | Buffer): Buffer => createHash('sha1').update(bytes).digest();
let pair: ShardedPair;

before(async () => {
  const file = join(folder, 'secret');
  writeFileSync(file, 'from-file\n', { mode: 0o600 });
  const native = `*${sha1(sha1('native-secret')).toString('hex').toUpperCase()}`;
  const salt = Buffer.from('abcdefghijklmnopqrst');
  pair = await startShardedPair({
    rules: '- !SINGLE { tables: ["ds_0.*"], defaultDataSource: ds_0 }\n',
    environment: { APP_SECRET: 'from-environment' },
    users: `  - { user: "native@%", authenticationString: "${native}", databases: [shop] }
  - { user: "sha2@%", authenticationString: ${JSON.stringify(newStoredSha2('sha2-secret', salt))}, databases: [shop] }
  - { user: "file@%", passwordFile: ${file}, databases: [shop] }
  - { user: "env@%", password: "\${APP_SECRET}", databases: [shop] }
`,
  });
});

after(async () => {
  await pair?.stop();
  rmSync(folder, { recursive: true, force: true });
});

for (const [user, password] of [
  ['native', 'native-secret'],
  ['sha2', 'sha2-secret'],
  ['file', 'from-file'],
  ['env', 'from-environment'],
] as const) {
  test(`${user}: the right password, and no other`, async () => {
    // Twice: caching_sha2_password answers the second time from what it learnt the first time.
    for (let round = 0; round < 2; round += 1) {
      const client = await pair.connect({ user, password });
      const [rows] = await client.query('SELECT CURRENT_USER() AS me');
      assert.deepEqual(rows, [{ me: `${user}@%` }]);
      await client.end();
    }
    await assert.rejects(pair.connect({ user, password: 'wrong' }), { errno: 1045 });
  });
}
