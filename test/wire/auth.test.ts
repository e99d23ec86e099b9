/** Authentication: known values of the algorithms, and the server's state machine against a client's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MeshError } from '../../src/base/index.ts';
import {
  type AuthAccepted,
  AuthPlugin,
  AuthServer,
  type AuthStep,
  buildChangeUser,
  buildHandshakeResponse,
  buildSslRequest,
  Capability,
  cachingSha2FastVerify,
  cachingSha2Scramble,
  cachingSha2StoredDigest,
  FastAuthCache,
  nativePasswordHash,
  nativePasswordScramble,
  nativePasswordVerify,
  newRsaKey,
  newStoredSha2,
  parseAuthSwitchRequest,
  parseCredential,
  parseHandshake,
  parseStoredSha2,
  payloadOf,
  rsaDecryptPassword,
  rsaEncryptPassword,
  Sha2Dialogue,
  StaticCredentials,
  type StoredSha2,
  serverCapabilities,
  type UserEntry,
  verifyStoredSha2,
} from '../../src/wire/index.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const rsaKey = newRsaKey();

test('mysql_native_password: PASSWORD() of a known password', () => {
  assert.equal(
    nativePasswordHash('password').toString('hex').toUpperCase(),
    '2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19',
  );
});

test('$A$005$: a hash made by a MySQL server', () => {
  const salt = Buffer.from('F9CC98CE08892924F50A213B6BC571A2C11778C5', 'hex');
  const digest = Buffer.from(
    '625479393559393965414D45316477456B484F41316E64484742577A2E3162785353526B7554584647562F',
    'hex',
  );
  const stored = parseStoredSha2(`$A$005$${salt.toString('latin1')}${digest.toString('latin1')}`) as StoredSha2;
  assert.equal(stored.rounds, 5000);
  assert.equal(verifyStoredSha2(Buffer.from('hashcat'), stored), true);
  assert.equal(verifyStoredSha2(Buffer.from('hashcaT'), stored), false);
});

test('$A$005$: what is made verifies, also for long and empty passwords; what is too long does not', () => {
  for (const password of ['x', 'a'.repeat(33), 'ü'.repeat(70), 'b'.repeat(256)]) {
    const stored = parseStoredSha2(newStoredSha2(password)) as StoredSha2;
    assert.equal(verifyStoredSha2(Buffer.from(password), stored), true);
    assert.equal(verifyStoredSha2(Buffer.from(`${password}x`), stored), false);
  }
});

test(`scrambles verify for their password only (seed ${seed})`, () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      fc.string({ minLength: 1 }),
      fc.uint8Array({ minLength: 20, maxLength: 21 }),
      (right, wrong, bytes) => {
        const scramble = Buffer.from(bytes);
        const native = nativePasswordScramble(wrong, scramble);
        assert.equal(nativePasswordVerify(native, scramble, nativePasswordHash(right)), right === wrong);
        const sha2 = cachingSha2Scramble(wrong, scramble);
        assert.equal(cachingSha2FastVerify(sha2, scramble, cachingSha2StoredDigest(right)), right === wrong);
      },
    ),
    { seed, numRuns: 100 },
  );
});

test('RSA: the password comes back, anything else does not', () => {
  const scramble = Buffer.from('12345678901234567890');
  const secret = rsaEncryptPassword('pässword', scramble, rsaKey.publicPem);
  assert.equal(rsaDecryptPassword(secret, scramble, rsaKey)?.toString(), 'pässword');
  assert.equal(rsaDecryptPassword(Buffer.alloc(256, 3), scramble, rsaKey), undefined);
  assert.equal(rsaDecryptPassword(Buffer.alloc(3), scramble, rsaKey), undefined);
});

test('credentials are read by their form; a hash cut short is refused', () => {
  assert.equal(parseCredential('secret').kind, 'cleartext');
  assert.equal(parseCredential('*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19').kind, 'native');
  assert.equal(parseCredential(newStoredSha2('x')).kind, 'caching-sha2');
  assert.throws(() => parseCredential('$A$005$short'), MeshError);
});

interface Client {
  readonly user: string;
  readonly password: string;
  readonly plugin: string;
  readonly secure?: boolean;
  readonly capabilities?: number;
  /** How the client asks for the RSA key, or does not. */
  readonly database?: string;
}

/** Plays a client; answers the verdict and the dialogue's packets as words. */
function converse(
  server: AuthServer,
  client: Client,
  first?: (scramble: Buffer) => AuthStep,
): { verdict: AuthAccepted | MeshError; steps: string[] } {
  const greeting = parseHandshake(server.greeting());
  let scramble = greeting.scramble;
  assert.equal(scramble.length, 20);
  let plugin = client.plugin;
  const steps: string[] = [];
  const answer = (): Buffer =>
    plugin === AuthPlugin.NATIVE
      ? nativePasswordScramble(client.password, scramble)
      : cachingSha2Scramble(client.password, scramble);
  const capabilities = client.capabilities ?? serverCapabilities;
  let step =
    first?.(scramble) ??
    server.receive(
      payloadOf((w) =>
        buildHandshakeResponse(w, {
          capabilities,
          packetSizeMax: 0,
          collation: 45,
          user: client.user,
          authResponse: answer(),
          database: client.database ?? '',
          authPlugin: plugin,
          attributes: new Map([['k', 'v']]),
        }),
      ),
    );
  for (let i = 0; i < 10; i += 1) {
    if (step.kind === 'refused') return { verdict: step.error, steps };
    if (step.kind === 'accepted') {
      if (step.before !== undefined) steps.push(`more-${step.before[1]}`);
      return { verdict: step.accepted, steps };
    }
    assert.equal(step.kind, 'send');
    const payload = step.kind === 'send' ? step.payload : Buffer.alloc(0);
    if (payload[0] === 0xfe) {
      const request = parseAuthSwitchRequest(payload);
      plugin = request.plugin;
      scramble = request.scramble;
      steps.push(`switch-${plugin}`);
      step = server.receive(answer());
    } else if (payload[0] === 1 && payload[1] === Sha2Dialogue.PERFORM_FULL_AUTHENTICATION) {
      steps.push('full');
      step = server.receive(
        client.secure === true ? Buffer.from(`${client.password}\0`) : Buffer.of(Sha2Dialogue.REQUEST_PUBLIC_KEY),
      );
    } else if (payload[0] === 1) {
      steps.push('key');
      step = server.receive(rsaEncryptPassword(client.password, scramble, payload.toString('latin1', 1)));
    } else {
      assert.fail('unknown packet');
    }
  }
  return assert.fail('no verdict');
}

const users = new Map<string, UserEntry>([
  ['clear', { credential: parseCredential('pw') }],
  ['sha2', { credential: parseCredential(newStoredSha2('pw')) }],
  ['native', { credential: { kind: 'native', hash: nativePasswordHash('pw') } }],
  ['nopass', { credential: parseCredential('') }],
  ['tls', { credential: parseCredential('pw'), require: 'tls' }],
]);
const credentials = new StaticCredentials(users);

function newServer(secure: boolean, cache = new FastAuthCache(), withKey = true): AuthServer {
  return new AuthServer({
    connectionId: 1,
    serverVersion: '8.4.0',
    capabilities: serverCapabilities | Capability.SSL,
    collation: 45,
    host: 'here',
    secure,
    credentials,
    cache,
    ...(withKey ? { rsaKey } : {}),
  });
}

test('every credential with every plugin: right passwords enter, by the dialogue expected', () => {
  const { NATIVE, CACHING_SHA2 } = AuthPlugin;
  const rows: readonly [string, string, boolean, string[]][] = [
    ['clear', CACHING_SHA2, false, ['more-3']],
    ['clear', NATIVE, false, []],
    ['sha2', CACHING_SHA2, false, ['full', 'key']],
    ['sha2', CACHING_SHA2, true, ['full']],
    ['sha2', NATIVE, true, ['switch-caching_sha2_password', 'full']],
    ['native', NATIVE, false, []],
    ['native', CACHING_SHA2, false, ['switch-mysql_native_password']],
    ['clear', 'dialog', false, ['switch-caching_sha2_password', 'more-3']],
    ['tls', CACHING_SHA2, true, ['more-3']],
  ];
  for (const [user, plugin, secure, expected] of rows) {
    const { verdict, steps } = converse(newServer(secure), { user, password: 'pw', plugin, secure, database: 'd' });
    assert.ok(!(verdict instanceof Error), `${user} ${plugin}`);
    assert.deepEqual(steps, expected, `${user} ${plugin}`);
    assert.equal(verdict.user, user);
    assert.equal(verdict.database, 'd');
    assert.equal(verdict.attributes.get('k'), 'v');
  }
});

test('wrong passwords and unknown users are refused alike, after the same dialogue', () => {
  for (const user of ['clear', 'sha2', 'native', 'nobody', 'tls', 'nopass']) {
    for (const plugin of [AuthPlugin.NATIVE, AuthPlugin.CACHING_SHA2]) {
      for (const secure of [true, false]) {
        const { verdict } = converse(newServer(secure), { user, password: 'wrong', plugin, secure });
        assert.ok(verdict instanceof MeshError && verdict.errno === 1045, `${user} ${plugin} ${secure}`);
        assert.match(verdict.message, /using password: YES/);
      }
    }
  }
  const only = new StaticCredentials(new Map([['sha2', users.get('sha2') as UserEntry]]));
  const dialogue = (user: string): string[] => {
    const server = new AuthServer({
      connectionId: 1,
      serverVersion: '8',
      capabilities: serverCapabilities,
      collation: 45,
      host: 'h',
      secure: true,
      credentials: only,
      cache: new FastAuthCache(),
    });
    return converse(server, { user, password: 'wrong', plugin: AuthPlugin.NATIVE, secure: true }).steps;
  };
  assert.deepEqual(dialogue('nobody'), dialogue('sha2'));
});

test('no password: only for users without one', () => {
  for (const [user, enters] of [
    ['nopass', true],
    ['clear', false],
    ['sha2', false],
    ['native', false],
    ['nobody', false],
  ] as const) {
    for (const plugin of [AuthPlugin.NATIVE, AuthPlugin.CACHING_SHA2]) {
      const { verdict } = converse(newServer(false), { user, password: '', plugin });
      assert.equal(!(verdict instanceof Error), enters, `${user} ${plugin}`);
      if (verdict instanceof Error) assert.match(verdict.message, /using password: NO/);
    }
  }
});

test('a user who must use TLS is refused without it, with the right password', () => {
  for (const plugin of [AuthPlugin.NATIVE, AuthPlugin.CACHING_SHA2]) {
    const { verdict } = converse(newServer(false), { user: 'tls', password: 'pw', plugin });
    assert.ok(verdict instanceof MeshError && verdict.errno === 1045);
  }
});

test('the second login of a $A$ user is fast, and only with the right password', () => {
  const cache = new FastAuthCache();
  let learnt = 0;
  cache.onLearn = () => {
    learnt += 1;
  };
  const login = (password: string): ReturnType<typeof converse> =>
    converse(newServer(true, cache), { user: 'sha2', password, plugin: AuthPlugin.CACHING_SHA2, secure: true });
  assert.deepEqual(login('wrong').steps, ['full']);
  assert.equal(learnt, 0);
  assert.deepEqual(login('pw').steps, ['full']);
  assert.deepEqual(login('pw').steps, ['more-3']);
  assert.equal(learnt, 1);
  assert.ok(login('wrong').verdict instanceof Error);
});

test('a client without PLUGIN_AUTH: native or an honest refusal; full authentication without key or TLS is refused', () => {
  const capabilities = serverCapabilities & ~Capability.PLUGIN_AUTH;
  const plugin = AuthPlugin.NATIVE;
  assert.ok(
    !(converse(newServer(false), { user: 'clear', password: 'pw', plugin, capabilities }).verdict instanceof Error),
  );
  const { verdict } = converse(newServer(false), { user: 'sha2', password: 'pw', plugin, capabilities });
  assert.ok(verdict instanceof MeshError && verdict.errno === 1251);
  const keyless = converse(newServer(false, new FastAuthCache(), false), {
    user: 'sha2',
    password: 'pw',
    plugin: AuthPlugin.CACHING_SHA2,
  });
  assert.ok(keyless.verdict instanceof MeshError && keyless.verdict.errno === 1045);
});

test('TLS: the request is answered by start-tls, then the clear password is taken', () => {
  const server = newServer(false);
  const step = server.receive(
    payloadOf((w) =>
      buildSslRequest(w, { capabilities: serverCapabilities | Capability.SSL, packetSizeMax: 0, collation: 45 }),
    ),
  );
  assert.equal(step.kind, 'start-tls');
  server.tlsStarted();
  const { verdict, steps } = converse(server, {
    user: 'sha2',
    password: 'pw',
    plugin: AuthPlugin.CACHING_SHA2,
    secure: true,
  });
  assert.ok(!(verdict instanceof Error));
  assert.deepEqual(steps, ['full']);
});

test('COM_CHANGE_USER: with the scramble of the connection, and by switch', () => {
  const server = newServer(true);
  assert.ok(
    !(
      converse(server, { user: 'clear', password: 'pw', plugin: AuthPlugin.NATIVE, secure: true }).verdict instanceof
      Error
    ),
  );
  for (const [user, password, enters] of [
    ['native', 'pw', true],
    ['sha2', 'pw', true],
    ['clear', 'no', false],
  ] as const) {
    const { verdict } = converse(server, { user, password, plugin: AuthPlugin.NATIVE, secure: true }, (scramble) =>
      server.changeUser(
        payloadOf((w) =>
          buildChangeUser(
            w,
            {
              user,
              authResponse: nativePasswordScramble(password, scramble),
              database: 'db2',
              collation: 33,
              authPlugin: AuthPlugin.NATIVE,
            },
            serverCapabilities,
          ),
        ),
      ),
    );
    assert.equal(!(verdict instanceof Error), enters, user);
    if (!(verdict instanceof Error))
      assert.deepEqual([verdict.user, verdict.database, verdict.collation], [user, 'db2', 33]);
  }
});

test(`no bytes from a client make the server throw (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { minLength: 1, maxLength: 4 }), (packets) => {
      const server = newServer(false);
      for (const packet of packets) {
        const step = server.receive(Buffer.from(packet));
        assert.notEqual(step.kind, 'accepted');
        if (step.kind === 'refused') break;
      }
    }),
    { seed, numRuns: 200 },
  );
});
