/** The log's way out: nothing lost to a reader that reads, and no process kept from ending by one that does not. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';

const module = new URL('../../src/telemetry/log-output.ts', import.meta.url).href;

/** A process that writes so many lines and ends at once; `read`: somebody reads them. */
async function lines(count: number, read: boolean): Promise<{ text: string; code: number | null }> {
  const program = `
    import { logOutput } from ${JSON.stringify(module)};
    process.send?.('ready');
    await new Promise((go) => process.once('message', go));
    const out = logOutput(1);
    for (let line = 0; line < ${count}; line += 1) out.write('line ' + line + ' ' + 'x'.repeat(100) + '\\n');
    await new Promise((go) => out.once('drain', go));
    for (let line = ${count}; line < ${count} + 10; line += 1) out.write('line ' + line + '\\n');
    process.exit(0);
  `;
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program],
    {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    },
  );
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await new Promise((resolve) => child.once('message', resolve));
  if (!read) child.stdout?.destroy();
  child.send('go');
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { text, code };
}

test('all lines arrive in their order, those of the last moment too', async () => {
  const { text, code } = await lines(20_000, true);
  assert.equal(code, 0);
  const numbers = text
    .trimEnd()
    .split('\n')
    .map((line) => Number(/^line (\d+)/.exec(line)?.[1]));
  assert.deepEqual(
    numbers,
    Array.from({ length: 20_010 }, (_, line) => line),
  );
});

test('a process whose log nobody reads any more ends all the same', async () => {
  assert.equal((await lines(2000, false)).code, 0);
});
