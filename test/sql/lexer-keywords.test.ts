import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReserved, Keyword, keywordCount, keywordName, keywordOf } from '../../src/sql/index.ts';

const of = (word: string) => keywordOf(Buffer.from(word), 0, Buffer.byteLength(word));

test('every keyword has its own id and is found in any case', () => {
  const ids = Object.values(Keyword);
  assert.deepEqual(
    ids,
    Array.from({ length: keywordCount }, (_, index) => index + 1),
  );
  for (const [word, id] of Object.entries(Keyword)) {
    assert.equal(of(word), id);
    assert.equal(of(word.toLowerCase()), id);
    assert.equal(of(word[0] + word.slice(1).toLowerCase()), id);
    assert.equal(keywordName(id), word);
  }
});

test('other words are none', () => {
  for (const word of ['', 'sel', 'selects', 'select_', 'select1', 'ſelect', 'a'.repeat(500), '_', '$']) {
    assert.equal(of(word), 0, word);
  }
  assert.equal(keywordName(0), '');
  assert.equal(keywordName(99999), '');
});

test('reserved words differ between the families', () => {
  for (const id of [Keyword.SELECT, Keyword.WHERE, Keyword.ORDER, Keyword.KEY, Keyword.VALUES]) {
    assert.ok(isReserved(id, true) && isReserved(id, false), keywordName(id));
  }
  for (const id of [0, Keyword.STATUS, Keyword.DATE, Keyword.VALUE, Keyword.USER, Keyword.BEGIN, Keyword.END]) {
    assert.ok(!isReserved(id, true) && !isReserved(id, false), keywordName(id));
  }
  for (const id of [Keyword.RANK, Keyword.SYSTEM, Keyword.WINDOW, Keyword.GROUPS]) {
    assert.ok(!isReserved(id, true) && isReserved(id, false), keywordName(id));
  }
  for (const id of [Keyword.RETURNING, Keyword.OFFSET, Keyword.CURRENT_ROLE]) {
    assert.ok(isReserved(id, true) && !isReserved(id, false), keywordName(id));
  }
});
