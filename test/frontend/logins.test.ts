/** Who may log in, from where, over what and how often: accounts of shardmesh.yaml on real connections. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect as tcpConnect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import mysql from 'mysql2/promise';
import { authority, certificate, key, strangerCertificate, strangerKey } from '../backend/certificates.ts';
import { type ClientGround, startGround } from '../clients/ground.ts';

const PROXY = '127.0.0.77';

let ground: ClientGround;

before(async () => {
  ground = await startGround(undefined, {
    keys: `proxyProtocol: [${PROXY}/32, "fd00::/8"]`,
    tls: ', ca: ca.pem',
    users: [
      '{ user: "safe@%", password: app, databases: [shop], require: tls }',
      '{ user: "badge@%", password: app, databases: [shop], require: certificate }',
      '{ user: "few@%", password: app, databases: [shop], connections: 2 }',
      '{ user: "near@127.0.0.0/255.255.255.248", password: near, databases: [shop] }',
      '{ user: "near@127.0.0.16/28", password: wider, databases: [shop] }',
      '{ user: "near@127.0.0.17", password: literal, databases: [shop] }',
      '{ user: "behind@10.%", password: app, databases: [shop] }',
      '{ user: "behind@2001:db8::/32", password: app, databases: [shop] }',
    ],
  });
});

after(async () => {
  await ground?.stop();
});

interface Login extends mysql.ConnectionOptions {
  /** The client's address. */
  readonly from?: string;
  /** Sent before anything else. */
  readonly preface?: Buffer;
}

function open({ from = '127.0.0.1', preface, ...more }: Login): Promise<mysql.Connection> {
  return mysql.createConnection({
    user: 'app',
    password: 'app',
    database: 'shop',
    stream: () => {
      const socket = tcpConnect({ host: '127.0.0.1', port: ground.sidecar.port, localAddress: from });
      if (preface !== undefined) socket.write(preface);
      return socket;
    },
    ...more,
  });
}

async function userOf(login: Login): Promise<string> {
  const client = await open(login);
  const [rows] = await client.query<mysql.RowDataPacket[]>('SELECT USER() AS u');
  await client.end();
  return rows[0]?.['u'];
}

const tls = { ca: authority, verifyIdentity: false };

test('`require: tls` refuses a connection without, in the words of a wrong password', async () => {
  await assert.rejects(open({ user: 'safe' }), { errno: 1045, message: /^Access denied for user 'safe'@/ });
  assert.equal(await userOf({ user: 'safe', ssl: tls }), 'safe@127.0.0.1');
  await assert.rejects(open({ user: 'safe', ssl: tls, password: 'wrong' }), { errno: 1045 });
});

test('a unix socket counts as TLS', async () => {
  const client = await mysql.createConnection({ socketPath: ground.socketPath, user: 'safe', password: 'app' });
  await client.end();
});

test('`require: certificate` needs one of the authority; another one ends the connection', async () => {
  await assert.rejects(open({ user: 'badge' }), { errno: 1045 });
  await assert.rejects(open({ user: 'badge', ssl: tls }), { errno: 1045 });
  assert.equal(await userOf({ user: 'badge', ssl: { ...tls, cert: certificate, key } }), 'badge@127.0.0.1');
  for (const user of ['badge', 'app']) {
    const stranger = open({ user, ssl: { ...tls, cert: strangerCertificate, key: strangerKey } });
    await assert.rejects(stranger, (error: { errno?: number }) => error.errno !== 1045);
  }
  // Who need not show one may.
  assert.equal(await userOf({ ssl: { ...tls, cert: certificate, key } }), 'app@127.0.0.1');
});

test('an account has as many connections as it may; an end makes room', async () => {
  const first = await open({ user: 'few' });
  const second = await open({ user: 'few' });
  await assert.rejects(open({ user: 'few' }), {
    errno: 1226,
    sqlState: '42000',
    message: "User 'few' has exceeded the 'max_user_connections' resource (current value: 2)",
  });
  // COM_CHANGE_USER leaves one account and enters the other.
  await second.changeUser({ user: 'app', password: 'app' });
  const third = await open({ user: 'few' });
  await assert.rejects(second.changeUser({ user: 'few', password: 'app' }), { errno: 1226 });
  second.destroy();
  await first.end();
  for (let attempt = 0; ; attempt += 1) {
    const again = await open({ user: 'few' }).catch((error: { errno?: number }) => error);
    if ('query' in again) {
      await again.end();
      break;
    }
    assert.equal(again.errno, 1226);
    assert.ok(attempt < 200);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await third.end();
});

test('hosts by network and netmask: the narrowest match decides', async () => {
  assert.equal(await userOf({ user: 'near', password: 'near', from: '127.0.0.7' }), 'near@127.0.0.7');
  await assert.rejects(open({ user: 'near', password: 'near', from: '127.0.0.8' }), { errno: 1045 });
  assert.equal(await userOf({ user: 'near', password: 'wider', from: '127.0.0.18' }), 'near@127.0.0.18');
  assert.equal(await userOf({ user: 'near', password: 'literal', from: '127.0.0.17' }), 'near@127.0.0.17');
  await assert.rejects(open({ user: 'near', password: 'wider', from: '127.0.0.17' }), { errno: 1045 });
});

/** A header of version 2 with these addresses. */
function binary(command: number, family: number, addresses: readonly number[], extension = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(addresses), extension]);
  const head = Buffer.from('0d0a0d0a000d0a515549540a00000000', 'hex');
  head[12] = 0x20 | command;
  head[13] = (family << 4) | 1;
  head.writeUInt16BE(body.length, 14);
  return Buffer.concat([head, body]);
}

describe('PROXY protocol', () => {
  const v4 = [10, 1, 2, 3, 127, 0, 0, 1, 0, 80, 0, 81];
  const v6 = [0x20, 1, 0xd, 0xb8, ...Array.from({ length: 28 }, () => 0), 0, 80, 0, 81];

  test('version 1 and 2 tell the client’s address', async () => {
    const through = { from: PROXY, user: 'behind' };
    const v1 = Buffer.from('PROXY TCP4 10.9.8.7 127.0.0.1 40000 3307\r\n');
    assert.equal(await userOf({ ...through, preface: v1 }), 'behind@10.9.8.7');
    assert.equal(await userOf({ ...through, preface: binary(1, 1, v4) }), 'behind@10.1.2.3');
    assert.equal(await userOf({ ...through, preface: binary(1, 1, v4, Buffer.alloc(300, 4)) }), 'behind@10.1.2.3');
    assert.equal(await userOf({ ...through, preface: binary(1, 2, v6) }), 'behind@2001:db8::');
    assert.equal(await userOf({ ...through, preface: v1, ssl: tls }), 'behind@10.9.8.7');
  });

  test('the proxy’s own connections count as its own', async () => {
    for (const preface of [binary(0, 0, []), Buffer.from('PROXY UNKNOWN\r\n')]) {
      assert.equal(await userOf({ from: PROXY, preface }), `app@${PROXY}`);
      await assert.rejects(open({ from: PROXY, user: 'behind', preface }), { errno: 1045 });
    }
  });

  test('a header in pieces', async () => {
    const bytes = Buffer.from('PROXY TCP4 10.9.8.7 127.0.0.1 40000 3307\r\n');
    const client = mysql.createConnection({
      user: 'behind',
      password: 'app',
      stream: () => {
        const socket = tcpConnect({ host: '127.0.0.1', port: ground.sidecar.port, localAddress: PROXY });
        socket.setNoDelay(true);
        for (const [index, byte] of bytes.entries()) setTimeout(() => socket.write(Buffer.of(byte)), index);
        return socket;
      },
    });
    await (await client).end();
  });

  test('from elsewhere it is not believed, and a trusted proxy must send it', async () => {
    const v1 = Buffer.from('PROXY TCP4 10.9.8.7 127.0.0.1 40000 3307\r\n');
    await assert.rejects(open({ user: 'behind', preface: v1 }));
    await assert.rejects(open({ user: 'app', preface: v1 }));
    const wrong = ['PROXY TCP4 10.9.8.7\r\n', 'PROXY TCP4 1.2.3.4.5 1.1.1.1 1 1\r\n', 'GET / HTTP/1.1\r\n\r\n'];
    for (const text of wrong) await assert.rejects(open({ from: PROXY, preface: Buffer.from(text) }));
    await assert.rejects(open({ from: PROXY, preface: Buffer.alloc(200, 'PROXY ') }));
    await assert.rejects(open({ from: PROXY, preface: binary(5, 1, v4) }));
    await assert.rejects(open({ from: PROXY, preface: binary(1, 1, [1, 2, 3]) }));
  });
});

test('certificates that changed on disk serve the next connection; a broken file leaves the old ones', async () => {
  const shown = async (): Promise<string> => {
    const client = await open({ ssl: { rejectUnauthorized: false } });
    const { stream } = (client as unknown as { connection: { stream: unknown } }).connection;
    assert.ok(stream instanceof TLSSocket);
    const name = stream.getPeerX509Certificate()?.subject ?? '';
    await client.end();
    return name;
  };
  assert.equal(await shown(), 'CN=db.test');
  writeFileSync(join(ground.folder, 'cert.pem'), 'no certificate');
  writeFileSync(join(ground.folder, 'key.pem'), strangerKey);
  for (let attempt = 0; attempt < 3; attempt += 1) assert.equal(await shown(), 'CN=db.test');
  writeFileSync(join(ground.folder, 'cert.pem'), strangerCertificate);
  for (let attempt = 0; (await shown()) !== 'CN=stranger.test'; attempt += 1) {
    assert.ok(attempt < 300, 'the new certificate is never served');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});
