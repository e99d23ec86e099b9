import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Position } from '../../src/session/index.ts';

const of = (text: string, form: 'wanted' | 'applied' = 'wanted'): Position => {
  const position = new Position();
  position.raise(text, form);
  return position;
};
const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';

test('MariaDB: the last number of each domain, whatever server wrote it', () => {
  const position = of('0-1-7,1-2-9');
  assert.equal(position.text, '0-1-7,1-2-9');
  assert.equal(position.raise('0-2-6'), false);
  assert.equal(position.raise('0-2-8'), true);
  assert.equal(position.text, '0-2-8,1-2-9');
  assert.ok(position.covers(of('0-9-8')));
  assert.ok(!position.covers(of('0-9-9')));
  assert.ok(!position.covers(of('2-1-1')), 'a domain it has never seen');
});

test('numbers beyond 2^53 are told apart', () => {
  assert.ok(!of('0-1-9007199254740992').covers(of('0-1-9007199254740993')));
});

test('MySQL: what is applied counts up to the first gap, what is wanted up to the end', () => {
  assert.equal(of(`${uuid}:1-5:8-9`, 'applied').text, `${uuid}:1-5`);
  assert.equal(of(`${uuid}:1-5:8-9`).text, `${uuid}:1-9`);
  assert.ok(!of(`${uuid}:1-5:8-9`, 'applied').covers(of(`${uuid}:9`)));
  assert.ok(of(`${uuid}:1-9`, 'applied').covers(of(`${uuid}:9`)));
  assert.equal(of(`${uuid}:7-9`, 'applied').empty, true);
  assert.equal(of(`${uuid}:5#31`).text, `${uuid}:1-5`, 'gtid_owned names its thread');
  assert.equal(of(`${uuid}:tag_a:1-3`).number(`${uuid}:tag_a`), 3n);
});

test('texts that are no GTIDs change nothing; the empty position is covered by all', () => {
  const position = of('0-1-1');
  for (const text of ['', 'x', '0-1', '-1', '0-1-1-1', `${uuid}:`]) assert.equal(position.raise(text), false, text);
  assert.ok(position.covers(new Position()));
  assert.ok(new Position().covers(new Position()));
});
