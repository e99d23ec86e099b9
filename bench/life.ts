/** Times of start and reload, and what an idle connection holds. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { startSidecar } from '../src/demo/index.ts';
import type { Ground } from './ground.ts';
import type { BenchOptions } from './options.ts';
import { processTree, residentBytes } from './process-cost.ts';

export interface LifeFigures {
  /** From the start of the process to its ready file, milliseconds each. */
  readonly starts: readonly number[];
  /** From the change of the file to the new configuration in force, milliseconds each. */
  readonly reloads: readonly number[];
  /** Resident memory of a fresh sidecar, bytes. */
  readonly memory: number;
  /** Growth of it per idle connection, bytes. */
  readonly bytesPerConnection: number;
  readonly connections: number;
}

export async function measureLife(ground: Ground, options: BenchOptions): Promise<LifeFigures> {
  const folder = join(ground.folder, 'life');
  mkdirSync(folder);
  const environment = { SHARDMESH_STATE_DIR: join(folder, 'state') };
  const starts: number[] = [];
  for (let round = 1; round < options.rounds; round++) {
    const started = performance.now();
    const sidecar = await startSidecar({ config: ground.config, folder, environment });
    starts.push(performance.now() - started);
    await sidecar.stop();
  }
  const started = performance.now();
  const sidecar = await startSidecar({ config: ground.config, folder, environment });
  starts.push(performance.now() - started);
  const clients: mysql.Connection[] = [];
  try {
    const connect = () =>
      mysql.createConnection({
        host: '127.0.0.1',
        port: sidecar.port,
        user: 'app',
        password: 'app',
        database: 'plain',
      });
    // The first connections warm up what all share.
    for (let index = 0; index < 10; index++) clients.push(await connect());
    await sleep(200);
    const before = residentBytes(processTree(sidecar.pid));
    while (clients.length < options.idleConnections + 10) {
      const batch = Math.min(20, options.idleConnections + 10 - clients.length);
      clients.push(...(await Promise.all(Array.from({ length: batch }, connect))));
    }
    await sleep(1000);
    const after = residentBytes(processTree(sidecar.pid));
    for (const client of clients.splice(0)) client.destroy();
    const reloads: number[] = [];
    for (let round = 0; round < options.reloads; round++) reloads.push(await reloadOnce(ground.config, sidecar.http));
    return {
      starts,
      reloads,
      memory: before,
      bytesPerConnection: (after - before) / options.idleConnections,
      connections: options.idleConnections,
    };
  } finally {
    for (const client of clients) client.destroy();
    await sidecar.stop();
  }
}

/** Changes the file as an editor would, and waits until the metrics count another applied configuration. */
async function reloadOnce(config: string, http: string | undefined): Promise<number> {
  const before = await appliedReloads(http);
  const text = readFileSync(config, 'utf8');
  const started = performance.now();
  const next = text.includes('resultMemory: 256MiB') ? '255MiB' : '256MiB';
  writeFileSync(config, text.replace(/resultMemory: \d+MiB/, `resultMemory: ${next}`));
  while ((await appliedReloads(http)) === before) {
    if (performance.now() - started > 20_000) throw new Error('a change of the configuration was not noticed');
    await sleep(2);
  }
  return performance.now() - started;
}

async function appliedReloads(http: string | undefined): Promise<string> {
  const text = await (await fetch(`http://${http}/metrics`)).text();
  const found = /^shardmesh_configuration_reloads_total\{result="applied"\} (\d+)/m.exec(text);
  return found?.[1] ?? '0';
}
