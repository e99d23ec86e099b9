/** LOAD DATA LOCAL: the same file gives the same rows, counts and warnings through the mesh as on one server. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import mysql from 'mysql2/promise';
import { type ClientGround, startGround } from '../clients/ground.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));

let ground: ClientGround;
let mesh: mysql.Connection;
let plain: mysql.Connection;

const TABLE = `orders (order_id BIGINT NOT NULL, user_id INT NOT NULL, note VARCHAR(60) NULL, price DECIMAL(10,2) NULL,
  made DATETIME NULL, raw BLOB NULL, PRIMARY KEY (order_id, user_id)) DEFAULT CHARSET utf8mb4`;

before(async () => {
  ground = await startGround();
  mesh = await connect(ground.sidecar.port);
  plain = await connect(ground.servers[0]?.port as number);
  for (const side of [mesh, plain]) {
    await side.query(`CREATE TABLE ${TABLE}`);
    await side.query('CREATE TABLE countries (code CHAR(2) PRIMARY KEY, name VARCHAR(40))');
    await side.query('CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(20), size INT)');
  }
});

after(async () => {
  await mesh?.end();
  await plain?.end();
  await ground?.stop();
});

function connect(port: number, more: mysql.ConnectionOptions = {}): Promise<mysql.Connection> {
  return mysql.createConnection({ host: '127.0.0.1', port, user: 'app', password: 'app', database: 'shop', ...more });
}

interface Loaded {
  readonly affected: number;
  readonly info: string;
  readonly warnings: unknown;
  readonly rows: unknown;
}

/** Loads the content (in packets of this size) and answers everything that can be seen of it. */
async function load(
  side: mysql.Connection,
  sql: string,
  content: Buffer,
  table = 'orders',
  packet = 50_000,
): Promise<Loaded> {
  const [result] = await side.query<mysql.ResultSetHeader>({ sql, infileStreamFactory: () => stream(content, packet) });
  const [warnings] = await side.query('SHOW WARNINGS');
  const [rows] = await side.query(`SELECT * FROM ${table} ORDER BY 1, 2`);
  return { affected: result.affectedRows, info: result.info, warnings, rows };
}

const stream = (content: Buffer, packet: number): Readable =>
  Readable.from(
    (function* () {
      for (let at = 0; at < content.length; at += packet) yield content.subarray(at, at + packet);
    })(),
  );

/** On both sides, from an empty table; they must not differ. */
async function same(sql: string, content: string | Buffer, table = 'orders', packet?: number): Promise<Loaded> {
  const bytes = Buffer.from(content);
  await mesh.query(`DELETE FROM ${table}`);
  await plain.query(`DELETE FROM ${table}`);
  const wanted = await load(plain, sql, bytes, table, packet);
  const got = await load(mesh, sql, bytes, table, packet);
  assert.deepEqual(got, wanted, `${sql} (seed ${seed})`);
  return got;
}

describe('into a sharded table', () => {
  test('tab-separated lines', async () => {
    const lines = Array.from(
      { length: 500 },
      (_, i) => `${i + 1}\t${i % 7}\tnote ${i}\t${i}.50\t2024-01-02 03:04:05\tx\n`,
    );
    const { affected, info } = await same("LOAD DATA LOCAL INFILE 'a.tsv' INTO TABLE orders", lines.join(''));
    assert.equal(affected, 500);
    assert.equal(info, 'Records: 500  Deleted: 0  Skipped: 0  Warnings: 0');
  });

  test('CSV with a heading, quotes, escapes, NULL, and columns in another order', async () => {
    const csv = `id,"the user, he",note
1,1,"one, two"
2,2,"a ""quoted"" word"
3,3,\\N
4,4,"line
break"
5,5,NULL
6,6,"NULL"
"7","7",a\\,b
8,8,\\"x\\\\
9,9,`;
    await same(
      `LOAD DATA LOCAL INFILE 'a.csv' INTO TABLE orders CHARACTER SET utf8mb4
       FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"' LINES TERMINATED BY '\\n' IGNORE 1 LINES (order_id, user_id, note)`,
      csv,
    );
    await same(
      `LOAD DATA LOCAL INFILE 'a.csv' INTO TABLE orders FIELDS TERMINATED BY '||' ESCAPED BY '' LINES TERMINATED BY '\\r\\n' (note, user_id, order_id)`,
      'x|y||1||2\r\n\\N||3||4\r\nlast||5||6',
    );
    await same(
      `LOAD DATA LOCAL INFILE 'a.csv' REPLACE INTO TABLE shop.orders FIELDS TERMINATED BY ';' ENCLOSED BY '"' ESCAPED BY '"' (order_id, user_id, note)`,
      '1;1;"a"\n1;1;"b""c"\n2;2;"d"\n',
    );
  });

  test('what servers warn of, with the rows of the file', async () => {
    await same(
      "LOAD DATA LOCAL INFILE 'a' INTO TABLE orders FIELDS TERMINATED BY ','",
      `1,1,${'long'.repeat(40)},5,2024-01-01,x\n2,2\n3,3,a,not a price,never,x\n4,4,a,1,2024-01-01,x,too,much\n4,4,again,1,,\n`,
    );
  });

  test('no line at all, and empty lines that cannot be placed', async () => {
    await same("LOAD DATA LOCAL INFILE 'a' INTO TABLE orders", '');
    await same("LOAD DATA LOCAL INFILE 'a' INTO TABLE orders IGNORE 3 LINES", 'a\nb\n');
    await assert.rejects(load(mesh, "LOAD DATA LOCAL INFILE 'a' INTO TABLE orders", Buffer.from('\n')), {
      errno: 9001,
    });
  });

  test(`random files (seed ${seed})`, async () => {
    let state = seed >>> 0;
    const below = (n: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
    const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
    const rounds = Number(process.env['LOAD_ROUNDS'] ?? 40);
    let compared = 0;
    for (let round = 0; round < rounds; round += 1) {
      const fieldEnd = pick([',', '\t', ';;', '|']);
      const lineEnd = pick(['\n', '\r\n', '#']);
      const enclosed = pick(['', '"', "'"]);
      const escaped = pick(['\\', '', '!', enclosed]);
      const pieces = [
        'a',
        'N',
        'NULL',
        ' ',
        '0',
        'é',
        '\\',
        '\\N',
        '"',
        "'",
        '""',
        '!',
        '!!',
        '!N',
        ';',
        fieldEnd,
        lineEnd,
        '\\n',
      ];
      const junk = (): string => Array.from({ length: below(4) }, () => pick(pieces)).join('');
      const text = (): string => {
        const body = junk();
        return enclosed !== '' && below(2) === 0 ? `${enclosed}${body}${enclosed}` : body;
      };
      let content = '';
      for (let line = 0; line < 5; line += 1) {
        const fields = [`${line + 1}`, `${1 + below(9)}`, text(), ...(below(4) === 0 ? [text()] : [])];
        content += fields.join(fieldEnd) + lineEnd;
      }
      if (below(2) === 0) content = content.slice(0, -lineEnd.length);
      const quoted = (value: string): string =>
        `'${value.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')}'`;
      const sql = `LOAD DATA LOCAL INFILE 'random' INTO TABLE orders CHARACTER SET utf8mb4 FIELDS TERMINATED BY ${quoted(fieldEnd)} ENCLOSED BY ${quoted(enclosed)} ESCAPED BY ${quoted(escaped)} LINES TERMINATED BY ${quoted(lineEnd)} (order_id, user_id, note)`;
      if (await sameOrRefused(sql, Buffer.from(content), 1 + below(60))) compared += 1;
    }
    // Refusals are for files whose lines run into each other.
    assert.ok(compared >= rounds / 4, `${compared} of ${rounds} compared`);
  });

  /** Junk may make keys that are not certain: refused then, with nothing written. */
  async function sameOrRefused(sql: string, content: Buffer, packet: number): Promise<boolean> {
    await mesh.query('DELETE FROM orders');
    await plain.query('DELETE FROM orders');
    const wanted = await load(plain, sql, content, 'orders', packet);
    let got: Loaded;
    try {
      got = await load(mesh, sql, content, 'orders', packet);
    } catch (error) {
      assert.equal((error as { errno?: number }).errno, 9001, `${sql} (seed ${seed}): ${(error as Error).message}`);
      const [rows] = await mesh.query('SELECT * FROM orders');
      assert.deepEqual(rows, []);
      return false;
    }
    assert.deepEqual(got, wanted, `${sql}\n${JSON.stringify(content.toString())} (seed ${seed})`);
    return true;
  }

  test('more than one batch, each line in its place, and keys generated', async () => {
    await mesh.query('DELETE FROM orders');
    const lines = Array.from({ length: 60_000 }, (_, i) => `${i % 50},${'n'.repeat(i % 60)},${i}.25\n`);
    const sql = "LOAD DATA LOCAL INFILE 'big' INTO TABLE orders FIELDS TERMINATED BY ',' (user_id, note, price)";
    const [result] = await mesh.query<mysql.ResultSetHeader>({
      sql,
      infileStreamFactory: () => stream(Buffer.from(lines.join('').repeat(6)), 1_000_000),
    });
    assert.equal(result.affectedRows, 360_000);
    const [[sum]] = await mesh.query<mysql.RowDataPacket[]>(
      'SELECT COUNT(*) AS n, COUNT(DISTINCT order_id) AS keyed, SUM(price) AS total FROM orders',
    );
    assert.deepEqual(sum, { n: 360_000, keyed: 360_000, total: `${(6 * (59_999 * 30_000 + 15_000)).toFixed(2)}` });
    const [[id]] = await mesh.query<mysql.RowDataPacket[]>('SELECT LAST_INSERT_ID() AS id');
    const [[first]] = await mesh.query<mysql.RowDataPacket[]>('SELECT MIN(order_id) AS id FROM orders');
    assert.equal(String(id?.['id']), String(first?.['id']));
    // Every row is where its key says.
    for (const user of [0, 1, 17]) {
      const [[one]] = await mesh.query<mysql.RowDataPacket[]>(
        `SELECT COUNT(*) AS n FROM orders WHERE user_id = ${user}`,
      );
      assert.equal(one?.['n'], 7200);
    }
  });

  test('all or nothing: a line that cannot be placed takes everything back, also inside of a transaction', async () => {
    await mesh.query('DELETE FROM orders');
    const content = Buffer.from(
      `${Array.from({ length: 300_000 }, (_, i) => `${i + 1}\t${i}\tpadding padding\n`).join('')}x\ty\n`,
    );
    const sql = "LOAD DATA LOCAL INFILE 'a' INTO TABLE orders (order_id, user_id, note)";
    await assert.rejects(load(mesh, sql, content), { errno: 9001, message: /row 300001/ });
    await mesh.beginTransaction();
    await mesh.query("INSERT INTO orders (order_id, user_id, note) VALUES (1000005, 1, 'kept')");
    await assert.rejects(load(mesh, sql, content), { errno: 9001 });
    await load(mesh, sql, Buffer.from('1000006\t2\tkept\n'));
    await mesh.commit();
    const [rows] = await mesh.query('SELECT order_id, note FROM orders ORDER BY 1');
    assert.deepEqual(rows, [
      { order_id: 1_000_005, note: 'kept' },
      { order_id: 1_000_006, note: 'kept' },
    ]);
  });

  test('what cannot be told apart exactly is refused, and the session goes on', async () => {
    const refused = [
      "LOAD DATA LOCAL INFILE 'a' INTO TABLE orders (order_id, user_id) SET note = NOW()",
      "LOAD DATA LOCAL INFILE 'a' INTO TABLE orders (order_id, user_id, @x)",
      "LOAD DATA LOCAL INFILE 'a' INTO TABLE orders LINES STARTING BY 'x'",
      "LOAD DATA LOCAL INFILE 'a' INTO TABLE orders FIELDS TERMINATED BY ''",
      "LOAD DATA LOCAL INFILE 'a' INTO TABLE orders CHARACTER SET sjis",
      "LOAD DATA LOCAL INFILE 'a' INTO TABLE orders (order_id, note)",
    ];
    for (const sql of refused) await assert.rejects(load(mesh, sql, Buffer.from('1\t2\n')), /SM_/, sql);
    const [rows] = await mesh.query('SELECT 1 AS one');
    assert.deepEqual(rows, [{ one: 1 }]);
  });
});

describe('into one node, and everywhere', () => {
  test('a single table passes through, with SET, variables and AUTO_INCREMENT', async () => {
    const sql =
      "LOAD DATA LOCAL INFILE 'n' INTO TABLE notes FIELDS TERMINATED BY ',' (text, @size) SET size = @size * 2";
    await same(sql, 'a,1\nb,2\nc,x\n', 'notes');
    for (const side of [mesh, plain]) {
      const [[row]] = await side.query<mysql.RowDataPacket[]>('SELECT @size AS size, LAST_INSERT_ID() > 0 AS id');
      assert.deepEqual(row, { size: 'x', id: 1 });
    }
  });

  test('a broadcast table gets every line on every source, counted once', async () => {
    const { affected } = await same(
      "LOAD DATA LOCAL INFILE 'c' INTO TABLE countries",
      'de\tGermany\nfr\tFrance\n',
      'countries',
    );
    assert.equal(affected, 2);
    for (const [index, server] of ground.servers.slice(1).entries()) {
      const direct = await server.connection(`shop_${index}`);
      const [rows] = await direct.query('SELECT COUNT(*) AS n FROM countries');
      assert.deepEqual(rows, [{ n: 2 }]);
      await direct.end();
    }
  });

  test('a file of many megabytes, in packets of 16 MiB', async () => {
    const content = Buffer.alloc(40_000_000, `${'x'.repeat(18)}\t1\n`);
    const sql = "LOAD DATA LOCAL INFILE 'n' INTO TABLE notes (text, size)";
    await mesh.query('DELETE FROM notes');
    const [result] = await mesh.query<mysql.ResultSetHeader>({
      sql,
      infileStreamFactory: () => stream(content, 16_000_000),
    });
    assert.equal(result.affectedRows, Math.ceil(content.length / 21));
    await mesh.query('DELETE FROM notes');
  });
});

describe('around it', () => {
  test('a client that sends no files is told so', async () => {
    const client = await connect(ground.sidecar.port, { flags: ['-LOCAL_FILES'] });
    for (const table of ['orders', 'notes'])
      await assert.rejects(client.query(`LOAD DATA LOCAL INFILE 'a' INTO TABLE ${table}`), { errno: 3948 });
    await client.end();
  });

  test('it cannot be prepared', async () => {
    await assert.rejects(mesh.prepare("LOAD DATA LOCAL INFILE 'a' INTO TABLE orders"), { errno: 1295 });
  });

  test('among other statements, and compressed', async () => {
    const client = await connect(ground.sidecar.port, { multipleStatements: true, compress: true });
    const [results] = await client.query<mysql.RowDataPacket[][]>({
      sql: "DELETE FROM orders; LOAD DATA LOCAL INFILE 'a' INTO TABLE orders (order_id, user_id); SELECT COUNT(*) AS n FROM orders",
      infileStreamFactory: () => stream(Buffer.from('1\t1\n2\t2\n'), 3),
    });
    assert.deepEqual(results[2], [{ n: 2 }]);
    await client.end();
  });

  test('a client that vanishes in the middle leaves nothing behind', async () => {
    await mesh.query('DELETE FROM orders');
    await mesh.query('DELETE FROM notes');
    for (const [table, line] of [
      ['orders (order_id, user_id)', '1\t1\n'],
      ['notes (text, size)', 'a\t1\n'],
    ] as const) {
      const client = await connect(ground.sidecar.port);
      client.on('error', () => undefined);
      const endless = new Readable({ read() {} });
      endless.push(line);
      const gone = client
        .query({ sql: `LOAD DATA LOCAL INFILE 'a' INTO TABLE ${table}`, infileStreamFactory: () => endless })
        .catch(() => 'gone');
      await new Promise((resolve) => setTimeout(resolve, 200));
      client.destroy();
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 500))]);
    }
    const [rows] = await mesh.query('SELECT * FROM orders');
    assert.deepEqual(rows, []);
  });
});
