/** Opening connections: authentication as a client, TLS, and everything that goes wrong before the first command. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackendConnection, BackendFault, type ConnectOptions } from '../../src/backend/index.ts';
import {
  nativePasswordHash,
  newRsaKey,
  newStoredSha2,
  parseCredential,
  StaticCredentials,
} from '../../src/wire/index.ts';
import { authority } from './certificates.ts';
import { FakeServer, type FakeServerOptions } from './fake-server.ts';

const rsaKey = newRsaKey();
const credentials = new StaticCredentials(
  new Map([
    ['clear', { credential: parseCredential('pw') }],
    ['sha2', { credential: parseCredential(newStoredSha2('pw')) }],
    ['native', { credential: { kind: 'native', hash: nativePasswordHash('pw') } as const }],
    ['empty', { credential: parseCredential('') }],
  ]),
);

async function withServer(
  options: FakeServerOptions,
  use: (server: FakeServer, base: ConnectOptions) => Promise<void>,
): Promise<void> {
  const server = await FakeServer.start({ credentials, ...options });
  try {
    await use(server, {
      source: 's',
      host: '127.0.0.1',
      port: server.port,
      user: 'clear',
      password: 'pw',
      class: { foundRows: false, deprecateEof: true },
      connectTimeoutMs: 3000,
    });
  } finally {
    await server.close();
  }
}

async function opens(options: ConnectOptions): Promise<void> {
  const connection = await BackendConnection.connect(options);
  assert.equal(connection.state, 'idle');
  await connection.ping();
  connection.end();
}

function refuses(options: ConnectOptions, expected: { stage: string; message: RegExp; errno?: number }): Promise<void> {
  return assert.rejects(BackendConnection.connect(options), (error: unknown) => {
    assert.ok(error instanceof BackendFault);
    assert.equal(error.stage, expected.stage);
    assert.match(error.message, expected.message);
    assert.equal(error.errno, expected.errno);
    assert.equal(error.mayHaveExecuted, false);
    return true;
  });
}

test('every kind of stored password, with the RSA key retrieved', async () => {
  await withServer({ rsaKey }, async (_, base) => {
    for (const user of ['clear', 'sha2', 'native']) {
      await opens({ ...base, user, allowPublicKeyRetrieval: true });
      await refuses(
        { ...base, user, password: 'no', allowPublicKeyRetrieval: true },
        { stage: 'handshake', message: /Access denied/, errno: 1045 },
      );
    }
    await opens({ ...base, user: 'empty', password: '' });
  });
});

test('the full path without TLS needs a key that was allowed or given; the fast path needs none', async () => {
  await withServer({ rsaKey }, async (_, base) => {
    await refuses({ ...base, user: 'sha2' }, { stage: 'handshake', message: /allowPublicKeyRetrieval/ });
    await opens({ ...base, user: 'sha2', serverPublicKey: rsaKey.publicPem });
    await opens({ ...base, user: 'sha2' });
  });
});

test('TLS: required, with authority, with host name; refused when the name or the authority is wrong', async () => {
  await withServer({ tls: true }, async (server, base) => {
    await opens({ ...base, user: 'sha2', tls: { mode: 'required' } });
    await opens({ ...base, tls: { mode: 'preferred' } });
    await opens({ ...base, tls: { mode: 'verify-ca', ca: authority } });
    await opens({ ...base, tls: { mode: 'verify-identity', ca: authority, serverName: 'db.test' } });
    const logins = server.logins;
    await refuses(
      { ...base, tls: { mode: 'verify-identity', ca: authority } },
      { stage: 'handshake', message: /altnames|IP/ },
    );
    await refuses(
      { ...base, tls: { mode: 'verify-identity', ca: authority, serverName: 'other.test' } },
      { stage: 'handshake', message: /altnames/ },
    );
    await refuses({ ...base, tls: { mode: 'verify-ca' } }, { stage: 'handshake', message: /certificate/ });
    assert.equal(server.logins, logins, 'the password was not sent');
  });
  await withServer({}, async (_, base) => {
    await refuses({ ...base, tls: { mode: 'required' } }, { stage: 'handshake', message: /does not offer TLS/ });
    await opens({ ...base, tls: { mode: 'preferred' } });
  });
});

test('a closed port, a silent server, one that hangs up, one that talks nonsense', async () => {
  let base: ConnectOptions | undefined;
  await withServer({}, async (_, options) => {
    base = options;
  });
  await refuses(base as ConnectOptions, { stage: 'connect', message: /ECONNREFUSED/ });
  await withServer({ onConnect: () => true }, (_, options) =>
    refuses({ ...options, connectTimeoutMs: 50 }, { stage: 'connect', message: /within 50 ms/ }),
  );
  await withServer({ onConnect: (socket) => socket.end() !== undefined }, (_, options) =>
    refuses(options, { stage: 'handshake', message: /closed/ }),
  );
  await withServer(
    { onConnect: (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n') !== undefined },
    (_, options) => refuses(options, { stage: 'handshake', message: /order|packet/ }),
  );
  await withServer({}, async (server, options) => {
    server.full = true;
    await refuses(options, { stage: 'handshake', message: /Too many/, errno: 1040 });
  });
});

test('COM_CHANGE_USER with every kind of stored password; a wrong one closes the connection', async () => {
  await withServer({ rsaKey }, async (_, base) => {
    for (const user of ['native', 'sha2', 'clear']) {
      const connection = await BackendConnection.connect({ ...base, allowPublicKeyRetrieval: true });
      connection.sessionState = 'old';
      await connection.changeUser(user, 'pw');
      assert.equal(connection.sessionState, undefined);
      await connection.ping();
      await assert.rejects(
        connection.changeUser(user, 'no'),
        (error) => error instanceof BackendFault && error.errno === 1045,
      );
      assert.equal(connection.state, 'closed');
    }
  });
});
