/** The least that a proxy on this runtime can do: bytes from one socket to another. Usage: tcp-pipe.ts PORT SERVER_PORT */
import { createConnection, createServer, type Socket } from 'node:net';

const [port, server] = process.argv.slice(2).map(Number) as [number, number];

function forward(from: Socket, to: Socket): void {
  from.on('data', (chunk: Buffer) => {
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroy());
}

createServer({ noDelay: true }, (client) => {
  const backend = createConnection({ host: '127.0.0.1', port: server, noDelay: true });
  forward(client, backend);
  forward(backend, client);
}).listen(port, '127.0.0.1', 4096);
