/** One connection against a real server: answers of every shape, in order; and what is known after a loss. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  BackendConnection,
  BackendFault,
  type ConnectOptions,
  type RequestKind,
  type ResponseHandler,
  RowBatcher,
  ServerError,
} from '../../src/backend/index.ts';
import {
  BinaryRowView,
  buildErr,
  buildExecute,
  Capability,
  Command,
  decodeBinaryValue,
  FieldType,
  type FrameKind,
  parseColumnDefinition,
  parseErr,
  payloadOf,
  StatusFlag,
  TextRowView,
} from '../../src/wire/index.ts';
import { startServer, type TestServer } from '../servers/index.ts';
import { FakeServer } from './fake-server.ts';

let server: TestServer;
let base: ConnectOptions;

before(async () => {
  server = await startServer({ schemas: ['app'], options: ['--local-infile=1'] });
  await server.execute("CREATE USER other IDENTIFIED BY 'secret'");
  base = {
    source: 's',
    host: '127.0.0.1',
    port: server.port,
    user: 'mesh',
    password: 'mesh',
    database: 'app',
    class: { foundRows: false, deprecateEof: true },
  };
});

after(() => server.stop());

async function connected(
  use: (connection: BackendConnection) => Promise<void>,
  options: Partial<ConnectOptions> = {},
): Promise<void> {
  const connection = await BackendConnection.connect({ ...base, ...options });
  try {
    await use(connection);
  } finally {
    connection.destroy();
  }
}

interface Heard {
  frames: string[];
  /** Text rows, values joined by `|`. */
  rows: string[];
  errors: ReturnType<typeof parseErr>[];
  rowBytes: number;
}

/** Runs a request and gathers its answer. */
function hear(
  connection: BackendConnection,
  payload: Buffer | string,
  kind: RequestKind = 'result',
  decode: (
    columns: readonly ReturnType<typeof parseColumnDefinition>[],
  ) => (buffer: Buffer, start: number, end: number) => string = textRows,
): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const heard: Heard = { frames: [], rows: [], errors: [], rowBytes: 0 };
    let columns: ReturnType<typeof parseColumnDefinition>[] = [];
    let read: ((buffer: Buffer, start: number, end: number) => string) | undefined;
    const handler = new RowBatcher({
      onFrame(frame: FrameKind, bytes: Buffer): void {
        heard.frames.push(frame);
        if (frame === 'column-count') {
          columns = [];
          read = undefined;
        }
        if (frame === 'column') columns.push(parseColumnDefinition(bytes));
        if (frame === 'err') heard.errors.push(parseErr(bytes));
      },
      onBatch(batch): void {
        read ??= decode(columns);
        for (let i = 0; i < batch.count; i += 1) {
          const [start, end] = [batch.bounds[2 * i] as number, batch.bounds[2 * i + 1] as number];
          heard.rowBytes += end - start;
          heard.rows.push(read(batch.buffer, start, end));
        }
      },
      onEnd: () => resolve(heard),
      onFault: reject,
    });
    if (typeof payload === 'string') connection.runQuery(payload, handler);
    else connection.run(payload, kind, handler);
  });
}

function textRows(columns: readonly unknown[]): (buffer: Buffer, start: number, end: number) => string {
  const view = new TextRowView(columns.length);
  return (buffer, start, end) => {
    view.reset(buffer, start, end);
    return columns
      .map((_, i) =>
        view.isNull(i)
          ? 'NULL'
          : (view.ends[i] as number) - (view.starts[i] as number) > 100
            ? `${(view.ends[i] as number) - (view.starts[i] as number)} bytes`
            : view.string(i),
      )
      .join('|');
  };
}

function binaryRows(columns: readonly { type: number }[]): (buffer: Buffer, start: number, end: number) => string {
  const view = new BinaryRowView(columns.map((column) => column.type));
  return (buffer, start, end) => {
    view.reset(buffer, start, end);
    return columns
      .map((column, i) =>
        view.isNull(i)
          ? 'NULL'
          : String(decodeBinaryValue(column.type, false, buffer, view.starts[i] as number, view.ends[i] as number)),
      )
      .join('|');
  };
}

test('over TCP and over a unix socket: who, what, where', async () => {
  for (const way of [{}, { socketPath: server.socketPath }]) {
    await connected(async (connection) => {
      const { rows, columns } = await connection.query(
        "SELECT CONNECTION_ID(), CURRENT_USER(), DATABASE(), NULL AS n, 'ü'",
      );
      assert.equal(rows[0]?.[0], String(connection.threadId));
      assert.deepEqual(rows[0]?.slice(2), ['app', null, 'ü']);
      assert.equal(columns[3]?.name, 'n');
      assert.match(connection.serverVersion, /^\d+\.\d+\.\d+/);
      assert.equal(connection.isMariaDB, server.binary.kind === 'mariadb');
      assert.equal(connection.state, 'idle');
      assert.notEqual(connection.capabilities & Capability.SESSION_TRACK, 0);
      assert.equal(connection.capabilities & Capability.OPTIONAL_RESULTSET_METADATA, 0);
    }, way);
  }
});

test('a wrong password is a fault with the server’s own error', async () => {
  await assert.rejects(
    BackendConnection.connect({ ...base, password: 'no' }),
    (error) => error instanceof BackendFault && error.errno === 1045,
  );
});

test('an ERR is an answer; the connection goes on, with stale status flags until the next OK', async () => {
  await connected(async (connection) => {
    await assert.rejects(
      connection.query('SELEC 1'),
      (error) => error instanceof ServerError && error.errno === 1064 && error.sqlState === '42000',
    );
    assert.equal(connection.state, 'idle');
    assert.equal(connection.statusStale, true);
    await connection.ping();
    assert.equal(connection.statusStale, false);
  });
});

test('classes: DEPRECATE_EOF and FOUND_ROWS as asked', async () => {
  for (const deprecateEof of [true, false]) {
    await connected(
      async (connection) => {
        assert.equal(connection.deprecateEof, deprecateEof);
        const heard = await hear(connection, 'SELECT 1 UNION ALL SELECT 2');
        assert.deepEqual(
          heard.frames,
          deprecateEof ? ['column-count', 'column', 'end'] : ['column-count', 'column', 'eof', 'end'],
        );
        assert.deepEqual(heard.rows, ['1', '2']);
      },
      { class: { foundRows: false, deprecateEof } },
    );
  }
  await connected(async (connection) => {
    await connection.query('CREATE OR REPLACE TABLE fr (a INT)');
    await connection.query('INSERT INTO fr VALUES (1)');
    assert.equal((await connection.query('UPDATE fr SET a = 1')).ok.affectedRows, 0n);
  });
  await connected(
    async (connection) => assert.equal((await connection.query('UPDATE fr SET a = 1')).ok.affectedRows, 1n),
    {
      class: { foundRows: true, deprecateEof: true },
    },
  );
});

test('session tracking is on, and reports', async () => {
  await connected(async (connection) => {
    const { ok } = await connection.query("SET SESSION sql_mode = 'ANSI_QUOTES'");
    assert.ok(
      ok.changes.some(
        (change) => change.kind === 'variable' && change.name === 'sql_mode' && change.value.startsWith('ANSI_QUOTES'),
      ),
    );
    const begun = await connection.query('START TRANSACTION');
    assert.ok(begun.ok.changes.some((change) => change.kind === 'transaction' && change.state.startsWith('T')));
    assert.notEqual(connection.status & StatusFlag.IN_TRANSACTION, 0);
  });
});

test('several requests under way: answers in order, also after an ERR; corked ones too', async () => {
  await connected(async (connection) => {
    for (const corked of [false, true]) {
      if (corked) connection.cork();
      const all = ['SELECT 1', 'SELEC', 'SELECT 3', 'DO 1'].map((sql) => hear(connection, sql));
      assert.equal(connection.inFlight, 4);
      assert.equal(connection.state, 'busy');
      if (corked) connection.uncork();
      const heard = await Promise.all(all);
      assert.deepEqual(
        heard.map((each) => each.rows),
        [['1'], [], ['3'], []],
      );
      assert.equal(heard[1]?.errors[0]?.errno, 1064);
      assert.deepEqual(heard[3]?.frames, ['ok']);
      assert.equal(connection.state, 'idle');
    }
  });
});

test('multi-statements and CALL: a chain of results', async () => {
  await connected(async (connection) => {
    const heard = await hear(connection, 'SELECT 1; DO 2; SELECT 3, 4; SELEC; SELECT 5');
    assert.deepEqual(heard.rows, ['1', '3|4']);
    assert.equal(heard.errors.length, 1);
    await connection.query('CREATE OR REPLACE PROCEDURE two() BEGIN SELECT 1; SELECT 2; END');
    const call = await hear(connection, 'CALL two()');
    assert.deepEqual(call.rows, ['1', '2']);
    assert.equal(call.frames.at(-1), 'ok');
    assert.equal(connection.state, 'idle');
  });
});

test('a large result: every row once, in order, whatever the chunks', async () => {
  await connected(async (connection) => {
    const heard = await hear(connection, "SELECT seq, REPEAT('x', seq % 90), NULL FROM seq_1_to_60000");
    assert.equal(heard.rows.length, 60_000);
    for (let i = 0; i < heard.rows.length; i += 1) assert.ok(heard.rows[i]?.startsWith(`${i + 1}|`));
  });
});

test('an ERR amid rows ends the answer after the rows before it', async () => {
  await connected(async (connection) => {
    const heard = await hear(connection, 'SELECT IF(seq < 30000, seq, (SELECT 1 UNION SELECT 2)) FROM seq_1_to_40000');
    assert.equal(heard.errors[0]?.errno, 1242);
    assert.ok(heard.rows.length > 0 && heard.rows.length < 30_000);
    assert.equal(connection.state, 'idle');
    assert.equal((await connection.query('SELECT 7')).rows[0]?.[0], '7');
  });
});

test('packets of 16 MiB and more, both ways', async () => {
  await connected(async (connection) => {
    const long = 17 * 1024 * 1024;
    assert.deepEqual((await hear(connection, `SELECT LENGTH('${'y'.repeat(long)}')`)).rows, [String(long)]);
    const edge = 0xff_ffff;
    for (const length of [edge - 5, edge - 4, edge, long]) {
      const heard = await hear(connection, `SELECT REPEAT('z', ${length}) UNION ALL SELECT 'after'`);
      assert.deepEqual(heard.rows, [`${length} bytes`, 'after']);
    }
  });
});

test('pause stops the reading, resume goes on, nothing is lost', async () => {
  await connected(async (connection) => {
    let bytes = 0;
    let chunks = 0;
    let paused = false;
    await new Promise<void>((resolve, reject) => {
      const handler: ResponseHandler = {
        onFrame(): void {},
        onRows(_chunk, start, end): void {
          assert.equal(paused, false, 'no rows while paused');
          bytes += end - start;
        },
        onChunkEnd(): boolean {
          chunks += 1;
          if (chunks % 20 !== 1) return false;
          paused = true;
          connection.pause();
          setTimeout(() => {
            paused = false;
            connection.resume();
          }, 5);
          return false;
        },
        onEnd: resolve,
        onFault: reject,
      };
      connection.runQuery("SELECT REPEAT('x', 1000) FROM seq_1_to_20000", handler);
    });
    assert.equal(bytes, 20_000 * 1007);
    assert.ok(chunks > 20);
  });
});

test('prepared statements: metadata, execution, cursor, the cache and its limit', async () => {
  await connected(
    async (connection) => {
      const handle = await connection.prepare('SELECT ? + 1, ?');
      assert.deepEqual([handle.parameterCount, handle.columnCount], [2, 2]);
      assert.equal(handle.columns.length, 2);
      assert.equal(await connection.prepare('SELECT ? + 1, ?'), handle);
      const source = Buffer.from([41, 0, 0, 0, 0, 0, 0, 0, 0x68, 0x69]);
      const parameters = [
        { type: FieldType.LONGLONG, unsigned: false, name: '', kind: 'value', start: 0, end: 8 },
        { type: FieldType.VAR_STRING, unsigned: false, name: '', kind: 'value', start: 8, end: 10 },
      ] as const;
      const execute = (id: number, cursor: number, with_: typeof parameters | readonly []): Buffer =>
        payloadOf((w) => buildExecute(w, id, cursor, with_, source, true));
      assert.deepEqual(
        (await hear(connection, execute(handle.statementId, 0, parameters), 'result', binaryRows)).rows,
        ['42|hi'],
      );

      const rows = await connection.prepare('SELECT seq FROM seq_1_to_5');
      const opened = await hear(connection, execute(rows.statementId, 1, []));
      assert.deepEqual(opened.frames, ['column-count', 'column', 'end']);
      assert.notEqual(connection.status & StatusFlag.CURSOR_EXISTS, 0);
      const fetch = Buffer.alloc(9, Command.STMT_FETCH);
      fetch.writeUInt32LE(rows.statementId, 1);
      fetch.writeUInt32LE(3, 5);
      const longs = (): ReturnType<typeof binaryRows> => binaryRows([{ type: FieldType.LONGLONG }]);
      assert.deepEqual((await hear(connection, fetch, 'fetch', longs)).rows, ['1', '2', '3']);
      assert.deepEqual((await hear(connection, fetch, 'fetch', longs)).rows, ['4', '5']);
      assert.notEqual(connection.status & StatusFlag.LAST_ROW_SENT, 0);

      await connection.prepare('SELECT 3');
      await connection.prepare('SELECT 4');
      const count = await connection.query("SHOW SESSION STATUS LIKE 'Com_stmt_close'");
      assert.equal(count.rows[0]?.[1], '2', 'two were pushed out of a cache of two, and closed');
      assert.equal(connection.prepared('SELECT ? + 1, ?'), undefined);
      await assert.rejects(connection.prepare('SELEC'), ServerError);
    },
    { preparedMax: 2 },
  );
});

test('a statement prepared under one scope is prepared anew under another', async () => {
  await connected(async (connection) => {
    const text = 'SELECT "a"';
    const plain = await connection.prepare(text);
    await connection.query("SET SESSION sql_mode = 'ANSI_QUOTES'");
    connection.preparedScope = 'ansi';
    assert.equal(connection.prepared(text), undefined);
    await assert.rejects(connection.prepare(text), (error) => error instanceof ServerError && error.errno === 1054);
    await connection.query("SET SESSION sql_mode = ''");
    connection.preparedScope = '';
    assert.equal(await connection.prepare(text), plain);
  });
});

test('a server that is silent after the login: the connect ends', async () => {
  const fake = await FakeServer.start({ onCommand: () => {} });
  await assert.rejects(
    BackendConnection.connect({
      ...base,
      port: fake.port,
      user: 'app',
      password: 'app',
      connectTimeoutMs: 100,
      initSql: 'SET @a=1',
    }),
    (error) => error instanceof BackendFault && error.stage === 'handshake' && /within 100 ms/.test(error.message),
  );
  await fake.close();
});

test('COM_FIELD_LIST, COM_STATISTICS, COM_SET_OPTION, unknown commands', async () => {
  await connected(async (connection) => {
    await connection.query('CREATE OR REPLACE TABLE fl (a INT DEFAULT 5, b TEXT)');
    const list = await hear(connection, Buffer.from('\x04fl\x00'), 'field-list');
    assert.deepEqual(list.frames, ['column', 'column', 'end']);
    assert.deepEqual((await hear(connection, Buffer.of(Command.STATISTICS), 'text')).frames, ['text']);
    assert.deepEqual((await hear(connection, Buffer.from([Command.SET_OPTION, 1, 0]), 'simple')).frames, ['ok']);
    const unknown = await hear(connection, Buffer.of(0xdd), 'simple');
    assert.equal(unknown.errors[0]?.errno, 1047);
    await connection.ping();
  });
});

test('LOAD DATA LOCAL: the file goes out in packets, the answer follows', async () => {
  await connected(async (connection) => {
    await connection.query('CREATE OR REPLACE TABLE ld (a INT, b TEXT)');
    const frames = await new Promise<string[]>((resolve, reject) => {
      const seen: string[] = [];
      connection.runQuery("LOAD DATA LOCAL INFILE 'x' INTO TABLE ld FIELDS TERMINATED BY ','", {
        onFrame(kind): void {
          seen.push(kind);
          if (kind !== 'infile') return;
          connection.writeInfile(Buffer.from('1,a\n2,'));
          connection.writeInfile(Buffer.from('b\n3,c\n'));
          connection.writeInfile(Buffer.alloc(0));
        },
        onRows(): void {},
        onEnd: () => resolve(seen),
        onFault: reject,
      });
    });
    assert.deepEqual(frames, ['infile', 'ok']);
    assert.deepEqual((await connection.query('SELECT a, b FROM ld ORDER BY a')).rows, [
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'c'],
    ]);
  });
});

test('reset: variables, prepared statements and session state are gone, tracking is on again', async () => {
  await connected(async (connection) => {
    connection.sessionState = { some: 'thing' };
    await connection.query("SET @a = 1, sql_mode = ''");
    await connection.prepare('SELECT 1');
    await connection.reset();
    assert.equal(connection.sessionState, undefined);
    assert.equal(connection.prepared('SELECT 1'), undefined);
    const { rows } = await connection.query('SELECT @a, @@session_track_system_variables');
    assert.deepEqual(rows[0], [null, '*']);
    assert.equal((await connection.query('SELECT DATABASE()')).rows[0]?.[0], 'app');
  });
});

test('change of user: the new one is in, a wrong password closes', async () => {
  await connected(async (connection) => {
    await connection.changeUser('other', 'secret');
    assert.match((await connection.query('SELECT CURRENT_USER()')).rows[0]?.[0] ?? '', /^other@/);
    assert.equal((await connection.query('SELECT @@session_track_system_variables')).rows[0]?.[0], '*');
    await assert.rejects(
      connection.changeUser('other', 'wrong'),
      (error) => error instanceof BackendFault && error.errno === 1045,
    );
    assert.equal(connection.state, 'closed');
  });
});

test('killed while idle: closed at once; requests afterwards are not executed', async () => {
  await connected(async (connection) => {
    const closed = new Promise<BackendFault | undefined>((resolve) => {
      connection.onClose = resolve;
    });
    await server.execute(`KILL CONNECTION ${connection.threadId}`);
    const fault = await closed;
    assert.equal(fault?.stage, 'idle');
    assert.equal(connection.state, 'closed');
    await assert.rejects(
      connection.query('SELECT 1'),
      (error) => error instanceof BackendFault && !error.mayHaveExecuted,
    );
  });
});

test('killed while running: a fault that may have executed, or the server’s ERR', async () => {
  await connected(async (connection) => {
    const running = connection.query('SELECT SLEEP(100)');
    const outcome = assert.rejects(
      running,
      (error) =>
        (error instanceof BackendFault && error.mayHaveExecuted) ||
        (error instanceof ServerError && error.errno === 1927),
    );
    await seenRunning(connection.threadId);
    await server.execute(`KILL CONNECTION ${connection.threadId}`);
    await outcome;
  });
});

/** Resolves when the server works on the connection's statement. */
async function seenRunning(threadId: number): Promise<void> {
  const root = await server.connection();
  for (;;) {
    const [rows] = await root.query('SELECT ID FROM information_schema.PROCESSLIST WHERE ID = ? AND INFO IS NOT NULL', [
      threadId,
    ]);
    if ((rows as unknown[]).length > 0) break;
  }
  await root.end();
}

test('a server that dies amid an answer: may have executed; the queue behind it too', async () => {
  const fake = await FakeServer.start({
    onCommand: (payload, session) => {
      if (payload.includes('die')) session.socket.destroy();
      else session.ok();
    },
  });
  const connection = await BackendConnection.connect({ ...base, port: fake.port, user: 'app', password: 'app' });
  const lost = (error: unknown): boolean =>
    error instanceof BackendFault && error.mayHaveExecuted && error.stage === 'request';
  await Promise.all([assert.rejects(connection.query('die'), lost), assert.rejects(connection.query('next'), lost)]);
  await fake.close();
});

test('a goodbye with sequence id 0, sent before our request was read: certainly not executed', async () => {
  const fake = await FakeServer.start({
    onCommand: (payload, session) => {
      if (!payload.includes('late')) {
        session.ok();
        return;
      }
      session.writer.sequenceId = 0;
      session.writer.begin();
      buildErr(session.writer, {
        errno: 4031,
        sqlState: 'HY000',
        message: 'The client was disconnected by the server because of inactivity.',
      });
      session.writer.end();
      session.flush();
      session.socket.end();
    },
  });
  const connection = await BackendConnection.connect({ ...base, port: fake.port, user: 'app', password: 'app' });
  await assert.rejects(
    connection.query('late'),
    (error) => error instanceof BackendFault && !error.mayHaveExecuted && error.errno === 4031,
  );
  assert.equal(connection.state, 'closed');
  await fake.close();
});

test('bytes that make no sense, and bytes nobody asked for, close the connection', async () => {
  const fake = await FakeServer.start({
    onCommand: (payload, session) => {
      if (payload.includes('junk')) session.socket.write(Buffer.from([1, 0, 0, 9, 0]));
      else if (payload.includes('more')) {
        session.ok();
        session.ok();
      } else session.ok();
    },
  });
  const options = { ...base, port: fake.port, user: 'app', password: 'app' };
  const junk = await BackendConnection.connect(options);
  await assert.rejects(
    junk.query('junk'),
    (error) => error instanceof BackendFault && /sequence/.test(error.message) && error.mayHaveExecuted,
  );
  assert.equal(junk.state, 'closed');
  const more = await BackendConnection.connect(options);
  const closed = new Promise((resolve) => {
    more.onClose = resolve;
  });
  await more.query('more').catch(() => {});
  await closed;
  assert.equal(more.state, 'closed');
  await fake.close();
});

test('a handler that throws costs its connection only', async () => {
  await connected(async (connection) => {
    const fault = await new Promise<BackendFault>((resolve) =>
      connection.runQuery('SELECT 1', {
        onFrame(): void {
          throw new Error('a bug');
        },
        onRows(): void {},
        onEnd: () => assert.fail('not an end'),
        onFault: resolve,
      }),
    );
    assert.equal(fault.message, 'a bug');
    assert.equal(connection.state, 'closed');
  });
});

test('runFramed sends a client’s own packet; sequence ids of the answer may be shifted', async () => {
  await connected(async (connection) => {
    const packet = Buffer.concat([Buffer.from([9, 0, 0, 0]), Buffer.from('\x03SELECT 1')]);
    const ids: number[] = [];
    let rowId = -1;
    await new Promise<void>((resolve, reject) =>
      connection.runFramed(
        packet,
        'result',
        {
          onFrame: (_kind, _payload, id) => ids.push(id),
          onRows: (chunk, start) => {
            rowId = chunk[start + 3] as number;
          },
          onEnd: resolve,
          onFault: reject,
        },
        10,
      ),
    );
    assert.deepEqual(ids, [11, 12, 14]);
    assert.equal(rowId, 13);
  });
});
