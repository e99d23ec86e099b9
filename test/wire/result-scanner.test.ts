/** The scanner finds the same frames and row bytes however the answer is cut. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  buildColumnDefinition,
  buildEof,
  buildErr,
  buildLocalInfile,
  buildOk,
  buildPrepareOk,
  Capability,
  FieldType,
  framePayload,
  MalformedPacket,
  PACKET_PAYLOAD_MAX,
  PacketWriter,
  type ReplyKind,
  ResultScanner,
  StatusFlag,
  writeTextRow,
} from '../../src/wire/index.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

const ok = { affectedRows: 0n, insertId: 0n, status: StatusFlag.AUTOCOMMIT, warnings: 0, info: '', changes: [] };
const column = {
  schema: 's',
  table: 't',
  orgTable: 't',
  name: 'c',
  orgName: 'c',
  collation: 45,
  length: 20,
  type: FieldType.VAR_STRING,
  flags: 0,
  decimals: 0,
};

/** Writes answers packet by packet. */
class Answer {
  readonly writer = new PacketWriter();
  readonly deprecateEof: boolean;
  readonly expected: string[] = [];
  rows = '';

  constructor(deprecateEof: boolean) {
    this.deprecateEof = deprecateEof;
    this.writer.sequenceId = 1;
  }

  #packet(kind: string, build: (writer: PacketWriter) => void): this {
    this.expected.push(kind);
    this.writer.begin();
    build(this.writer);
    this.writer.end();
    return this;
  }

  ok(status: number = StatusFlag.AUTOCOMMIT): this {
    return this.#packet('ok', (w) => buildOk(w, { ...ok, status, affectedRows: 300n }, 0));
  }

  err(): this {
    return this.#packet('err', (w) => buildErr(w, { errno: 1317, sqlState: '70100', message: 'stopped' }));
  }

  infile(): this {
    return this.#packet('infile', (w) => buildLocalInfile(w, 'a.csv'));
  }

  head(columns: number, status: number = StatusFlag.AUTOCOMMIT): this {
    this.#packet('column-count', (w) => w.lenenc(columns));
    for (let i = 0; i < columns; i += 1) this.#packet('column', (w) => buildColumnDefinition(w, column));
    return this.deprecateEof ? this : this.eof(status);
  }

  eof(status: number = StatusFlag.AUTOCOMMIT, kind = 'eof'): this {
    return this.#packet(kind, (w) => buildEof(w, 0, status));
  }

  row(...values: (string | null)[]): this {
    const from = this.writer.pending;
    this.writer.begin();
    writeTextRow(this.writer, values);
    this.writer.end();
    this.rows += `${this.writer.pending - from},`;
    return this;
  }

  end(status: number = StatusFlag.AUTOCOMMIT): this {
    return this.deprecateEof
      ? this.#packet('end', (w) => buildOk(w, { ...ok, status }, Capability.DEPRECATE_EOF, true))
      : this.eof(status, 'end');
  }

  prepareOk(columnCount: number, parameterCount: number): this {
    this.#packet('prepare-ok', (w) => buildPrepareOk(w, { statementId: 7, columnCount, parameterCount, warnings: 0 }));
    for (let i = 0; i < parameterCount; i += 1) this.#packet('param', (w) => buildColumnDefinition(w, column));
    if (parameterCount > 0 && !this.deprecateEof) this.eof();
    for (let i = 0; i < columnCount; i += 1) this.#packet('column', (w) => buildColumnDefinition(w, column));
    if (columnCount > 0 && !this.deprecateEof) this.eof();
    return this;
  }

  bytes(): Buffer {
    return Buffer.from(this.writer.take());
  }
}

interface Seen {
  frames: string[];
  /** Everything in order, rebuilt from frames (with their headers) and rows. */
  bytes: Buffer;
  used: number;
  active: boolean;
}

function scan(
  answer: Buffer,
  kind: ReplyKind,
  deprecateEof: boolean,
  cuts: readonly number[],
  shift = 0,
): Seen & { scanner: ResultScanner } {
  const scanner = new ResultScanner(deprecateEof);
  scanner.begin(kind, 1, shift);
  const frames: string[] = [];
  const pieces: Buffer[] = [];
  const sink = {
    onFrame(frame: string, payload: Buffer, id: number): void {
      frames.push(frame);
      const header = Buffer.alloc(4);
      header.writeUIntLE(payload.length, 0, 3);
      header[3] = id;
      pieces.push(header, Buffer.from(payload));
    },
    onRows(chunk: Buffer, start: number, end: number): void {
      assert.ok(start < end, 'no empty runs');
      pieces.push(Buffer.from(chunk.subarray(start, end)));
    },
  };
  let used = 0;
  let from = 0;
  for (const cut of [...cuts, answer.length]) {
    const chunk = Buffer.from(answer.subarray(from, cut));
    used += scanner.scan(chunk, 0, chunk.length, sink);
    from = cut;
  }
  return { frames, bytes: Buffer.concat(pieces), used, active: scanner.active, scanner };
}

const cases: readonly { name: string; kind: ReplyKind; build: (a: Answer) => Answer; status?: number }[] = [
  { name: 'OK', kind: 'result', build: (a) => a.ok() },
  { name: 'ERR', kind: 'result', build: (a) => a.err() },
  { name: 'simple OK', kind: 'simple', build: (a) => a.ok() },
  { name: 'simple EOF', kind: 'simple', build: (a) => a.eof(StatusFlag.AUTOCOMMIT, 'ok') },
  {
    name: 'rows',
    kind: 'result',
    build: (a) => a.head(2).row('1', null).row(null, 'xyz').row('', 'a'.repeat(300)).end(),
  },
  {
    name: 'a row that begins with NULL, one with 0xfe bytes',
    kind: 'result',
    build: (a) => a.head(1).row(null).row('\u00fe\u00ff').end(),
  },
  { name: 'no rows', kind: 'result', build: (a) => a.head(3).end() },
  { name: 'ERR amid rows', kind: 'result', build: (a) => a.head(1).row('1').row('2').err() },
  { name: 'ERR amid definitions', kind: 'result', build: (a) => a.head(1).row('x').end(StatusFlag.MORE_RESULTS).err() },
  {
    name: 'chain of results',
    kind: 'result',
    build: (a) =>
      a
        .head(1)
        .row('1')
        .end(StatusFlag.MORE_RESULTS)
        .ok(StatusFlag.MORE_RESULTS)
        .head(2)
        .row('2', '3')
        .end(StatusFlag.MORE_RESULTS)
        .ok(),
  },
  { name: 'infile, then OK', kind: 'result', build: (a) => a.infile().ok() },
  { name: 'prepare', kind: 'prepare', build: (a) => a.prepareOk(2, 3) },
  { name: 'prepare without columns', kind: 'prepare', build: (a) => a.prepareOk(0, 1) },
  { name: 'prepare without anything', kind: 'prepare', build: (a) => a.prepareOk(0, 0) },
  { name: 'prepare ERR', kind: 'prepare', build: (a) => a.err() },
  { name: 'fetch', kind: 'fetch', build: (a) => a.row('1').row('2').end(StatusFlag.CURSOR_EXISTS) },
  { name: 'fetch ERR', kind: 'fetch', build: (a) => a.err() },
];

for (const deprecateEof of [true, false]) {
  for (const each of cases) {
    test(`${each.name}, cut at every byte, DEPRECATE_EOF ${deprecateEof}`, () => {
      const answer = each.build(new Answer(deprecateEof));
      const bytes = answer.bytes();
      const whole = scan(bytes, each.kind, deprecateEof, []);
      assert.deepEqual(whole.frames, answer.expected);
      assert.ok(whole.bytes.equals(bytes), 'what is reported is what came');
      assert.equal(whole.active, false);
      for (let cut = 1; cut < bytes.length; cut += 1) {
        const seen = scan(bytes, each.kind, deprecateEof, [cut]);
        assert.deepEqual(seen.frames, answer.expected, `cut at ${cut}`);
        assert.ok(seen.bytes.equals(bytes), `cut at ${cut}`);
        assert.equal(seen.active, false);
      }
      const single = scan(
        bytes,
        each.kind,
        deprecateEof,
        Array.from({ length: bytes.length - 1 }, (_, i) => i + 1),
      );
      assert.deepEqual(single.frames, answer.expected, 'byte by byte');
      assert.ok(single.bytes.equals(bytes), 'byte by byte');
      // With a shift, every packet's sequence id moves, and nothing else.
      for (const cuts of [[], [5], Array.from({ length: bytes.length - 1 }, (_, i) => i + 1)]) {
        const shifted = scan(bytes, each.kind, deprecateEof, cuts, 250);
        const expected = Buffer.from(bytes);
        for (let at = 0; at < expected.length; at += 4 + expected.readUIntLE(at, 3)) {
          expected[at + 3] = ((expected[at + 3] as number) + 250) & 0xff;
        }
        assert.ok(shifted.bytes.equals(expected), 'shifted');
      }
    });
  }
}

test('an opened cursor has no rows: its EOF ends the answer', () => {
  const plain = new Answer(false).head(1, StatusFlag.CURSOR_EXISTS);
  assert.deepEqual(scan(plain.bytes(), 'result', false, []).frames, ['column-count', 'column', 'end']);
  const modern = new Answer(true).head(1).end(StatusFlag.CURSOR_EXISTS);
  assert.deepEqual(scan(modern.bytes(), 'result', true, []).frames, ['column-count', 'column', 'end']);
});

test('rows of 16 MiB and more, whose continuation looks like an ERR or an EOF', () => {
  for (const deprecateEof of [true, false]) {
    for (const length of [PACKET_PAYLOAD_MAX - 9, PACKET_PAYLOAD_MAX - 4, PACKET_PAYLOAD_MAX + 3]) {
      const answer = new Answer(deprecateEof).head(1);
      const value = Buffer.alloc(length, 0xff);
      answer.writer.begin().lenencBytes(value).end();
      answer.row('after').end();
      const bytes = answer.bytes();
      const seen = scan(bytes, 'result', deprecateEof, [PACKET_PAYLOAD_MAX, PACKET_PAYLOAD_MAX + 50]);
      assert.deepEqual(seen.frames, answer.expected);
      assert.ok(seen.bytes.equals(bytes));
      assert.equal(seen.scanner.rowCount, 2);
    }
  }
});

test('status flags are those of the last packet that has them; an ERR makes them stale', () => {
  const answer = new Answer(true)
    .head(1)
    .row('1')
    .end(StatusFlag.IN_TRANSACTION | StatusFlag.MORE_RESULTS)
    .err();
  const { scanner } = scan(answer.bytes(), 'result', true, []);
  assert.equal(scanner.status, StatusFlag.IN_TRANSACTION | StatusFlag.MORE_RESULTS);
  assert.equal(scanner.statusStale, true);
  assert.equal(scanner.failed, true);
  const second = new Answer(true).ok();
  scanner.begin('result', 1);
  const bytes = second.bytes();
  scanner.scan(bytes, 0, bytes.length, { onFrame() {}, onRows() {} });
  assert.equal(scanner.statusStale, false);
  assert.equal(scanner.status, StatusFlag.AUTOCOMMIT);
});

test('bytes after the end are left alone', () => {
  const first = new Answer(true).ok().bytes();
  const seen = scan(Buffer.concat([first, Buffer.from([1, 2, 3])]), 'result', true, []);
  assert.equal(seen.used, first.length);
});

test('nonsense is refused: wrong sequence id, empty packet, column count beyond reason, EOF missing', () => {
  const refused = (bytes: Buffer, kind: ReplyKind = 'result', deprecateEof = true): void => {
    for (const cuts of [[], [2]]) assert.throws(() => scan(bytes, kind, deprecateEof, cuts), MalformedPacket);
  };
  refused(Buffer.from([1, 0, 0, 2, 0]));
  refused(Buffer.from([0, 0, 0, 1, 0]));
  refused(Buffer.from([4, 0, 0, 1, 0xfd, 0xff, 0xff, 0xff]));
  const noEof = new Answer(true).head(1).row('1').bytes();
  refused(noEof, 'result', false);
  refused(Buffer.from([1, 0, 0, 1, 0x05]), 'simple');
  refused(Buffer.from([1, 0, 0, 1, 0x05]), 'prepare');
});

test(`any bytes: walked or refused as malformed, never anything else (seed ${seed})`, () => {
  const kinds: readonly ReplyKind[] = ['result', 'prepare', 'fetch', 'field-list', 'simple', 'text'];
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      fc.boolean(),
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 12 }), { maxLength: 10 }),
      (kind, deprecateEof, payloads) => {
        const bytes = Buffer.concat(payloads.map((payload, i) => framePayload(Buffer.from(payload), i + 1)));
        const outcome = (cuts: readonly number[]): string => {
          try {
            const seen = scan(bytes, kind, deprecateEof, cuts);
            return `${seen.frames.join()} ${seen.used} ${seen.bytes.toString('hex')}`;
          } catch (error) {
            assert.ok(error instanceof MalformedPacket, String(error));
            return 'malformed';
          }
        };
        const whole = outcome([]);
        // Cut anywhere, the outcome is the same (bytes after the end of the answer are nobody's, so compare only complete ones).
        if (whole === 'malformed' || whole.includes(` ${bytes.length} `)) {
          for (let cut = 1; cut < bytes.length; cut += 3) assert.equal(outcome([cut]), whole);
        }
      },
    ),
    { seed, numRuns: 300 },
  );
});
