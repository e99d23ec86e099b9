/** The lines of a file are the same however its bytes arrive, and each field reads as a server reads it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoadLines } from '../../src/execute/load-lines.ts';

const csv = { fieldEnd: Buffer.from(','), lineEnd: Buffer.from('\r\n'), enclosed: 0x22, escaped: 0x5c };
const file = Buffer.from(
  'head,"er"\r\n1,a,x\r\n2,"b,\r\n""c""",y,more,fields\r\n3,\\N,"NULL"\r\n4\r\n\r\n5,NULL,\\r\\\\\r\n"6","\\N","a"b"\r\n7,"never ends\r\n8,x',
);
const wanted = [
  ['1,a,x\r\n', '1', 'a', 'x'],
  ['2,"b,\r\n""c""",y,more,fields\r\n', '2', 'b,\r\n"c"', 'y'],
  ['3,\\N,"NULL"\r\n', '3', null, 'NULL'],
  ['4\r\n', '4', undefined, undefined],
  ['\r\n', '', undefined, undefined],
  ['5,NULL,\\r\\\\\r\n', '5', null, '\r\\'],
  ['"6","\\N","a"b"\r\n', '6', null, 'a"b'],
  ['7,"never ends\r\n8,x', '7', '"never ends\r\n8,x', undefined],
];

function read(cuts: readonly number[]): unknown[] {
  const lines = new LoadLines(csv, 3, [0, 1, 2], 1);
  const found: unknown[] = [];
  const take = (): void => {
    for (let line = lines.next(); line !== undefined; line = lines.next())
      found.push([line.bytes.toString(), ...line.values.map((value) => value?.toString() ?? value)]);
  };
  let from = 0;
  for (const cut of [...cuts, file.length]) {
    lines.push(file.subarray(from, cut));
    from = cut;
    take();
  }
  lines.end();
  take();
  return found;
}

test('a file in one piece, cut at every byte, and byte by byte', () => {
  assert.deepEqual(read([]), wanted);
  for (let cut = 1; cut < file.length; cut += 1) assert.deepEqual(read([cut]), wanted, `cut at ${cut}`);
  assert.deepEqual(read(Array.from({ length: file.length - 1 }, (_, index) => index + 1)), wanted);
});
