/** A worker of the watchdog's tests: slow at each client, and stuck for good when it is asked to be. */
import { WorkerPort } from '../../src/supervisor/index.ts';

/** What one client costs. */
const CLIENT_MS = 15;

let clients = 0;

function burn(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
}

const unasked = (): never => {
  throw new Error('not asked in these tests');
};
const port = new WorkerPort(
  process,
  {
    load: unasked,
    begin: () => undefined,
    reload: unasked,
    metrics: unasked,
    health: () => [],
    peer: ({ name }) => {
      if (name === 'spin') burn(Number.POSITIVE_INFINITY);
      return clients;
    },
    quiet: () => undefined,
    close: () => undefined,
    end: () => process.exit(0),
  },
  () => undefined,
);
port.acceptClients((socket) => {
  burn(CLIENT_MS);
  clients += 1;
  socket.destroy();
});
process.on('disconnect', () => process.exit(1));
