/** Changes of watched files are told once, however they are written. */
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchFiles } from '../../src/supervisor/index.ts';

describe('file watch', () => {
  const changesAfter = async (
    prepare: (folder: string) => string,
    change: (folder: string) => void,
  ): Promise<number> => {
    const folder = mkdtempSync(join(tmpdir(), 'shardmesh-watch-'));
    const file = prepare(folder);
    let changes = 0;
    const stop = watchFiles([file], () => changes++);
    change(folder);
    const end = Date.now() + 5000;
    while (changes === 0 && Date.now() < end) await sleep(20);
    await sleep(300);
    stop();
    rmSync(folder, { recursive: true });
    return changes;
  };
  const plain = (folder: string): string => {
    writeFileSync(join(folder, 'a.yaml'), '1');
    return join(folder, 'a.yaml');
  };

  it('tells several writes once', async () => {
    assert.equal(
      await changesAfter(plain, (folder) => {
        for (const text of ['2', '3', '4']) writeFileSync(join(folder, 'a.yaml'), text);
      }),
      1,
    );
  });
  it('sees a file that is replaced by another', async () => {
    assert.equal(
      await changesAfter(plain, (folder) => {
        writeFileSync(join(folder, 'draft'), '2');
        renameSync(join(folder, 'draft'), join(folder, 'a.yaml'));
      }),
      1,
    );
  });
  it('sees the swapped link of a Kubernetes volume', async () => {
    assert.equal(
      await changesAfter(
        (folder) => {
          writeFileSync(join(folder, 'v1'), '1');
          symlinkSync('v1', join(folder, '..data'));
          symlinkSync('..data', join(folder, 'a.yaml'));
          return join(folder, 'a.yaml');
        },
        (folder) => {
          writeFileSync(join(folder, 'v2'), '2');
          symlinkSync('v2', join(folder, '..data_tmp'));
          renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
        },
      ),
      1,
    );
  });
});
