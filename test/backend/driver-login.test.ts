/** A public driver logs in to a server made of AuthServer, with each kind of stored password, plain and over TLS. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import mysql from 'mysql2/promise';
import {
  nativePasswordHash,
  newRsaKey,
  newStoredSha2,
  parseCredential,
  StaticCredentials,
} from '../../src/wire/index.ts';
import { authority } from './certificates.ts';
import { FakeServer } from './fake-server.ts';

const credentials = new StaticCredentials(
  new Map([
    ['clear', { credential: parseCredential('pw') }],
    ['sha2', { credential: parseCredential(newStoredSha2('pw')) }],
    ['native', { credential: { kind: 'native', hash: nativePasswordHash('pw') } as const }],
    ['tls', { credential: parseCredential('pw'), require: 'tls' }],
  ]),
);

test('mysql2 logs in with every kind of password; who must use TLS enters only with it', async () => {
  const server = await FakeServer.start({ credentials, rsaKey: newRsaKey(), tls: true });
  const base = { host: '127.0.0.1', port: server.port, password: 'pw' };
  const ways: readonly mysql.ConnectionOptions[] = [
    base,
    { ...base, ssl: { ca: authority, rejectUnauthorized: false } },
  ];
  for (const way of ways) {
    for (const user of ['clear', 'sha2', 'sha2', 'native']) {
      const connection = await mysql.createConnection({ ...way, user });
      await connection.ping();
      await connection.end();
      await assert.rejects(mysql.createConnection({ ...way, user, password: 'no' }), { errno: 1045 });
    }
    const enters = way !== base;
    const strict = mysql.createConnection({ ...way, user: 'tls' });
    if (enters) await (await strict).end();
    else await assert.rejects(strict, { errno: 1045 });
  }
  await server.close();
});
