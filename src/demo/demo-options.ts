/** The flags of `shardmesh demo`. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Port of the sidecar on 127.0.0.1. */
  readonly port: number;
  /** Stay in the foreground; otherwise end after the self-check. */
  readonly wait: boolean;
  /** Remove the data of earlier starts first. */
  readonly reset: boolean;
  readonly folder: string;
  /** Three services with their databases and sidecars instead of the shop. */
  readonly services: boolean;
  /** Number of orders in the sample shop. */
  readonly orders: number;
}

const servicesFolder = join(import.meta.dirname, '../../.shardmesh/demo-services');
export const defaultFolder = join(import.meta.dirname, '../../.shardmesh/demo');

export const demoHelp = `Usage: shardmesh demo [options]

Starts four private MariaDB servers on loopback (two sources, each a primary with a replica), the sidecar in front of them,
and loads a sample shop through it. Stays in the foreground; Ctrl-C stops everything.

Options:
  --port <number>    port of the sidecar on 127.0.0.1 (default 3307)
  --no-wait          end after a self-check; the exit code is not 0 if it fails
  --reset            remove the data of earlier starts first
  --folder <path>    where the servers keep their data (default .shardmesh/demo in the checkout)
  --orders <number>  how many orders the shop has (default 100000)
  --services         instead: three services (examples/order), each with a database behind a sidecar, and transactions across them
  -h, --help         show this

Environment: SHARDMESH_DEMO_PORT_0 to _3 choose the ports of the servers (default 3310 to 3313, others if they are taken),
MESH_PASSWORD the password between the sidecar and the servers, MYSQLD another server program. NO_COLOR is respected.

Exit codes: 0 ok, 1 failed, 2 wrong usage, 130 interrupted before it was ready.
`;

const wholeNumber = (name: string, text: string, low: number, high: number): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < low || value > high) {
    throw new Error(`--${name} needs a whole number between ${low} and ${high}, not ${text}`);
  }
  return value;
};

/** Undefined when help was asked for. Throws an Error for wrong flags. */
export const parseDemoOptions = (argv: readonly string[]): DemoOptions | undefined => {
  const { values } = parseArgs({
    args: [...argv],
    allowPositionals: false,
    options: {
      port: { type: 'string', default: process.env['SHARDMESH_DEMO_PORT'] ?? '3307' },
      'no-wait': { type: 'boolean', default: false },
      reset: { type: 'boolean', default: false },
      folder: { type: 'string' },
      services: { type: 'boolean', default: false },
      orders: { type: 'string', default: '100000' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    port: wholeNumber('port', values.port, 1, 65535),
    wait: !values['no-wait'],
    reset: values.reset,
    folder: values.folder ?? (values.services ? servicesFolder : defaultFolder),
    services: values.services,
    orders: wholeNumber('orders', values.orders, 100, 5_000_000),
  };
};
