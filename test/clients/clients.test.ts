/** Real clients run one self-checking scenario against a plain server and against the sharded sample through the mesh. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { newStoredSha2 } from '../../src/wire/index.ts';
import { type Client, clients } from './client-list.ts';
import { type ClientGround, startGround } from './ground.ts';
import { installPackages } from './install.ts';
import { type ProgramEnd, runProgram } from './run-program.ts';

/** CLIENT=substring runs only the clients whose names contain it. */
const chosen = clients.filter((client) => client.name.includes(process.env['CLIENT'] ?? ''));

let ground: ClientGround;
let missing: ReadonlyMap<string, string>;
const folder = mkdtempSync(join(tmpdir(), 'shardmesh-programs-'));
const builds = new Map<string, Promise<ProgramEnd>>();

before(async () => {
  missing = installPackages(chosen.flatMap((client) => client.packages));
  ground = await startGround(newStoredSha2('app'));
});

after(async () => {
  await ground?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Builds once for all variants of a client. */
async function built(client: Client): Promise<void> {
  const call = client.build?.(folder);
  if (call === undefined) return;
  const key = JSON.stringify(call);
  const known = builds.get(key) ?? runProgram(call);
  builds.set(key, known);
  const { code, output } = await known;
  assert.equal(code, 0, output);
}

for (const client of chosen) {
  describe(client.name, () => {
    for (const target of ['plain', 'mesh'] as const) {
      test(target, async (t) => {
        const absent = client.packages.filter((name) => missing.has(name));
        if (absent.length > 0) {
          const reason = `not installed: ${absent.map((name) => `${name} (${missing.get(name)})`).join(', ')}`;
          if (client.required) assert.fail(reason);
          t.skip(reason);
          return;
        }
        await built(client);
        const { code, output } = await runProgram(client.call(folder), ground.environment(target));
        assert.equal(code, 0, output);
        assert.match(output, /^ok [1-9]\d*$/m);
      });
    }
  });
}
