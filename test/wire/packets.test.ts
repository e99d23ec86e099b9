/** Single packets: what is built parses back, and bytes known from servers mean what they should. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  BinaryRowView,
  buildColumnDefinition,
  buildErr,
  buildExecute,
  buildHandshake,
  buildOk,
  Capability,
  type ColumnDefinition,
  collationById,
  collationByName,
  decodeBinaryValue,
  defaultCollationOf,
  FieldType,
  isAsciiUnsafeCharset,
  MalformedPacket,
  okStatusOffset,
  PacketReader,
  parseColumnDefinition,
  parseErr,
  parseExecute,
  parseHandshake,
  parseOk,
  parseQuery,
  patchColumnDefinition,
  payloadOf,
  type SessionChange,
  StatusFlag,
  TextRowView,
  temporalFromText,
  temporalToText,
  writeBinaryRow,
  writeTextRow,
} from '../../src/wire/index.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const options = { seed, numRuns: 200 };

test('length-encoded integers at their borders', () => {
  for (const value of [0n, 250n, 251n, 0xffffn, 0x10000n, 0xff_ffffn, 0x100_0000n, 2n ** 53n, 2n ** 64n - 1n]) {
    const bytes = payloadOf((w) => w.lenenc(value));
    assert.equal(new PacketReader(bytes).lenencBig(), value);
    if (value < 2n ** 53n) assert.equal(new PacketReader(bytes).lenenc(), Number(value));
    else assert.throws(() => new PacketReader(bytes).lenenc(), MalformedPacket);
  }
});

const change: fc.Arbitrary<SessionChange> = fc.oneof(
  fc.record(
    { kind: fc.constant('variable' as const), name: fc.string(), value: fc.string({ maxLength: 400 }) },
    { noNullPrototype: true },
  ),
  fc.record({ kind: fc.constant('schema' as const), schema: fc.string() }, { noNullPrototype: true }),
  fc.record({ kind: fc.constant('state' as const), changed: fc.boolean() }, { noNullPrototype: true }),
  fc.record({ kind: fc.constant('gtids' as const), gtids: fc.string() }, { noNullPrototype: true }),
  fc.record({ kind: fc.constant('characteristics' as const), sql: fc.string() }, { noNullPrototype: true }),
  fc.record({ kind: fc.constant('transaction' as const), state: fc.string() }, { noNullPrototype: true }),
);

test(`OK packets come back, with and without SESSION_TRACK (seed ${seed})`, () => {
  fc.assert(
    fc.property(
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.integer({ min: 0, max: 0xffff }),
      fc.string(),
      fc.array(change),
      fc.boolean(),
      (affectedRows, insertId, flags, info, changes, endOfRows) => {
        const status = flags & ~StatusFlag.SESSION_STATE_CHANGED;
        const ok = { affectedRows, insertId, status, warnings: 3, info, changes };
        const tracked = payloadOf((w) => buildOk(w, ok, Capability.SESSION_TRACK, endOfRows));
        assert.equal(tracked[0], endOfRows ? 0xfe : 0);
        const expectedStatus = changes.length > 0 ? status | StatusFlag.SESSION_STATE_CHANGED : status;
        assert.deepEqual(parseOk(tracked, Capability.SESSION_TRACK), { ...ok, status: expectedStatus });
        const stripped = payloadOf((w) => buildOk(w, ok, 0, endOfRows));
        assert.deepEqual(parseOk(stripped, 0), { ...ok, changes: [] });
        assert.equal(stripped.readUInt16LE(okStatusOffset(stripped)), status);
      },
    ),
    options,
  );
});

test('an OK packet as a server sends it after USE', () => {
  const bytes = Buffer.from('00000002400000000a01050474657374020131', 'hex');
  const parsed = parseOk(bytes, Capability.SESSION_TRACK);
  assert.deepEqual(parsed.changes, [
    { kind: 'schema', schema: 'test' },
    { kind: 'state', changed: true },
  ]);
  assert.ok(payloadOf((w) => buildOk(w, parsed, Capability.SESSION_TRACK)).equals(bytes));
});

test('ERR packets with and without a state', () => {
  const err = { errno: 1146, sqlState: '42S02', message: 'Tablé' };
  assert.deepEqual(parseErr(payloadOf((w) => buildErr(w, err))), err);
  assert.deepEqual(parseErr(payloadOf((w) => buildErr(w, err, false))), { ...err, sqlState: 'HY000' });
});

test('a handshake comes back', () => {
  const handshake = {
    serverVersion: '10.11.6-MariaDB',
    connectionId: 4_000_000_000,
    scramble: Buffer.from('abcdefghijklmnopqrst'),
    capabilities: 0xc1ff_f7ff,
    collation: 45,
    status: 2,
    authPlugin: 'caching_sha2_password',
  };
  assert.deepEqual(parseHandshake(payloadOf((w) => buildHandshake(w, handshake))), handshake);
});

const column: ColumnDefinition = {
  schema: 'physical_0',
  table: 'o',
  orgTable: 't_order_3',
  name: 'amount',
  orgName: 'amount',
  collation: 63,
  length: 12,
  type: FieldType.NEWDECIMAL,
  flags: 0x1001,
  decimals: 2,
};

test('column definitions come back; a patch changes the names asked for and nothing else', () => {
  for (const each of [column, { ...column, defaultValue: null }, { ...column, defaultValue: '1.00' }]) {
    const payload = payloadOf((w) => buildColumnDefinition(w, each));
    assert.deepEqual(parseColumnDefinition(payload), each);
    const patched = payloadOf((w) => patchColumnDefinition(w, payload, { schema: 'shop', orgTable: 't_order' }));
    assert.deepEqual(parseColumnDefinition(patched), { ...each, schema: 'shop', orgTable: 't_order' });
    assert.ok(payloadOf((w) => patchColumnDefinition(w, payload, {})).equals(payload));
  }
});

test(`text rows: values are found where they are (seed ${seed})`, () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.oneof(fc.string(), fc.constant('x'.repeat(70_000)))), { minLength: 1, maxLength: 6 }),
      (values) => {
        const row = payloadOf((w) => writeTextRow(w, values));
        const shifted = Buffer.concat([Buffer.from('xyz'), row, Buffer.from('t')]);
        const view = new TextRowView(values.length);
        view.reset(shifted, 3, 3 + row.length);
        assert.deepEqual(
          values.map((_, i) => view.string(i) ?? null),
          values,
        );
        assert.throws(() => view.reset(shifted, 3, 2 + row.length), MalformedPacket);
        assert.throws(() => view.reset(shifted, 3, 4 + row.length), MalformedPacket);
      },
    ),
    { seed, numRuns: 50 },
  );
});

test('binary rows: every type at its borders, NULLs in every place', () => {
  const rows: readonly [number, boolean, number | bigint | string][] = [
    [FieldType.TINY, false, -128],
    [FieldType.TINY, true, 255],
    [FieldType.SHORT, false, -32768],
    [FieldType.YEAR, true, 2155],
    [FieldType.LONG, true, 4294967295],
    [FieldType.INT24, false, -8388608],
    [FieldType.LONGLONG, false, -(2n ** 63n)],
    [FieldType.LONGLONG, true, 2n ** 64n - 1n],
    [FieldType.FLOAT, false, 0.5],
    [FieldType.DOUBLE, false, -1e300],
    [FieldType.NEWDECIMAL, false, '123456789012345678901234567890.12'],
    [FieldType.VAR_STRING, false, 'é'.repeat(200)],
    [FieldType.DATE, false, '2024-02-29'],
    [FieldType.DATE, false, '0000-00-00'],
    [FieldType.DATETIME, false, '9999-12-31 23:59:59.999999'],
    [FieldType.TIMESTAMP, false, '2024-01-01 00:00:00'],
    [FieldType.TIME, false, '-838:59:59.000001'],
    [FieldType.TIME, false, '00:00:00'],
  ];
  const types = rows.map(([type]) => type);
  const view = new BinaryRowView(types);
  for (let nulls = 0; nulls <= rows.length; nulls += 1) {
    const values = rows.map(([, , value], i) => (i % (nulls + 1) === nulls ? null : value));
    const payload = payloadOf((w) => writeBinaryRow(w, types, values));
    view.reset(payload, 0, payload.length);
    const back = rows.map(([type, unsigned], i) => {
      if (view.isNull(i)) return null;
      const value = decodeBinaryValue(type, unsigned, payload, view.starts[i] as number, view.ends[i] as number);
      return Buffer.isBuffer(value) ? value.toString() : value;
    });
    assert.deepEqual(back, values);
    assert.throws(() => view.reset(payload, 0, payload.length - 1), MalformedPacket);
  }
  assert.throws(() => payloadOf((w) => writeBinaryRow(w, [FieldType.TINY], [256])), RangeError);
  assert.throws(() => payloadOf((w) => writeBinaryRow(w, [FieldType.DATE], ['yesterday'])), RangeError);
});

test('fractions of seconds follow the decimals of the column', () => {
  const bytes = temporalFromText(FieldType.DATETIME, '2024-01-02 03:04:05.5');
  const text = (decimals?: number): string => temporalToText(FieldType.DATETIME, bytes, 0, bytes.length, decimals);
  assert.equal(text(), '2024-01-02 03:04:05.500000');
  assert.equal(text(0), '2024-01-02 03:04:05');
  assert.equal(text(3), '2024-01-02 03:04:05.500');
  const none = temporalFromText(FieldType.DATETIME, '2024-01-02 00:00:00');
  assert.equal(none.length, 4);
  assert.equal(temporalToText(FieldType.DATETIME, none, 0, 4, 2), '2024-01-02 00:00:00.00');
});

/** An execute packet with attributes, as a MySQL 8 client writes it. */
function executeWithAttributes(): Buffer {
  return payloadOf((w) => {
    w.int1(0x17)
      .int4(9)
      .int1(0x08 | 1)
      .int4(1);
    w.lenenc(4).int1(0b0010).int1(1);
    w.int1(FieldType.LONGLONG).int1(0x80).lenencString('');
    w.int1(FieldType.NULL).int1(0).lenencString('');
    w.int1(FieldType.BLOB).int1(0).lenencString('');
    w.int1(FieldType.VAR_STRING).int1(0).lenencString('traceparent');
    w.int8(2n ** 64n - 1n).lenencString('00-abc');
  });
}

test('COM_STMT_EXECUTE: types, NULL, unsigned, long data, attributes; rebuilt for a backend without them', () => {
  const payload = executeWithAttributes();
  const packet = parseExecute(payload, 3, Capability.QUERY_ATTRIBUTES, undefined, (i) => i === 2);
  assert.equal(packet.statementId, 9);
  assert.equal(packet.cursor, 1);
  assert.equal(packet.newTypes, true);
  assert.deepEqual(
    packet.parameters.map((p) => [p.kind, p.type, p.unsigned]),
    [
      ['value', FieldType.LONGLONG, true],
      ['null', FieldType.NULL, false],
      ['long', FieldType.BLOB, false],
    ],
  );
  const [first] = packet.parameters;
  assert.equal(
    decodeBinaryValue(first?.type as number, true, payload, first?.start as number, first?.end as number),
    2n ** 64n - 1n,
  );
  const [attribute] = packet.attributes;
  assert.equal(attribute?.name, 'traceparent');
  assert.equal(payload.toString('utf8', attribute?.start, attribute?.end), '00-abc');
  for (const withTypes of [true, false]) {
    const rebuilt = payloadOf((w) => buildExecute(w, 77, 0, packet.parameters, payload, withTypes));
    const again = parseExecute(rebuilt, 3, 0, packet.types, (i) => i === 2);
    assert.equal(again.statementId, 77);
    assert.equal(again.newTypes, withTypes);
    assert.deepEqual(
      again.parameters.map((p) => [
        p.kind,
        p.type,
        p.unsigned,
        rebuilt.toString('hex', Math.max(0, p.start), Math.max(0, p.end)),
      ]),
      packet.parameters.map((p) => [
        p.kind,
        p.type,
        p.unsigned,
        payload.toString('hex', Math.max(0, p.start), Math.max(0, p.end)),
      ]),
    );
  }
  assert.throws(
    () =>
      parseExecute(payload.subarray(0, payload.length - 1), 3, Capability.QUERY_ATTRIBUTES, undefined, (i) => i === 2),
    MalformedPacket,
  );
});

test('COM_STMT_EXECUTE of clients with attributes has the count of parameters without the flag too', () => {
  const payload = payloadOf((w) =>
    w
      .int1(0x17)
      .int4(1)
      .int1(0)
      .int4(1)
      .lenenc(1)
      .int1(0)
      .int1(1)
      .int1(FieldType.LONG)
      .int1(0)
      .lenencString('')
      .int4(5),
  );
  const { parameters, attributes } = parseExecute(payload, 1, Capability.QUERY_ATTRIBUTES);
  assert.deepEqual(
    parameters.map(({ type, start }) => [type, payload.readInt32LE(start)]),
    [[FieldType.LONG, 5]],
  );
  assert.equal(attributes.length, 0);
  assert.deepEqual(parseExecute(payload.subarray(0, 10), 0, Capability.QUERY_ATTRIBUTES).parameters, []);
});

test('COM_STMT_EXECUTE without types needs those of an earlier one', () => {
  const payload = payloadOf((w) => w.int1(0x17).int4(1).int1(0).int4(1).int1(0).int1(0).int4(5));
  assert.throws(() => parseExecute(payload, 1, 0), MalformedPacket);
  const packet = parseExecute(payload, 1, 0, Buffer.from([FieldType.LONG, 0]));
  assert.deepEqual([packet.parameters[0]?.start, packet.parameters[0]?.end], [12, 16]);
});

test('COM_QUERY: attributes are stepped over', () => {
  assert.equal(parseQuery(Buffer.from('\x03select 1'), 0).textStart, 1);
  assert.equal(parseQuery(Buffer.from('\x03\x00\x01select 1'), Capability.QUERY_ATTRIBUTES).textStart, 3);
  const payload = payloadOf((w) => {
    w.int1(3)
      .lenenc(1)
      .lenenc(1)
      .int1(0)
      .int1(1)
      .int1(FieldType.VAR_STRING)
      .int1(0)
      .lenencString('a')
      .lenencString('b');
    w.string('select 2');
  });
  const packet = parseQuery(payload, Capability.QUERY_ATTRIBUTES);
  assert.equal(payload.toString('utf8', packet.textStart), 'select 2');
  assert.equal(packet.attributes[0]?.name, 'a');
});

test('collations: names, widths, families above 255', () => {
  assert.deepEqual(collationById(45), { id: 45, name: 'utf8mb4_general_ci', charset: 'utf8mb4', bytesMax: 4 });
  assert.equal(collationById(63)?.charset, 'binary');
  assert.equal(collationById(1070)?.name, 'utf8mb4_nopad_bin');
  assert.equal(collationById(1069)?.name, 'utf8mb4_general_nopad_ci');
  assert.equal(collationById(255)?.name, 'utf8mb4_0900_ai_ci');
  assert.equal(collationById(309)?.charset, 'utf8mb4');
  assert.equal(collationById(1069)?.charset, 'utf8mb4');
  assert.equal(collationById(2304)?.charset, 'utf8mb4');
  assert.equal(collationById(9999), undefined);
  assert.equal(collationByName('utf8_bin')?.id, 83);
  assert.equal(defaultCollationOf('latin1')?.id, 8);
  assert.equal(defaultCollationOf('utf8mb4')?.id, 45);
  assert.deepEqual(
    ['gbk', 'sjis', 'big5', 'cp932', 'gb18030', 'utf8mb4', 'latin1', 'euckr'].map(isAsciiUnsafeCharset),
    [true, true, true, true, true, false, false, false],
  );
});
