import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FingerprintBuffer, fingerprint, Lexer, SlotKind, TokenKind, type TokenList } from '../../src/sql/index.ts';
import { mariadbMode, textOf } from './lexer-cases.ts';

const literals: Readonly<Record<string, readonly string[]>> = {
  integer: ['1', '22', '0', '18446744073709551615'],
  decimal: ['1.5', '.5', '77.2'],
  float: ['1e5', '2.5e-3'],
  string: ["'a'", '"b"', "'it''s'", "'x\\'y'", "''", "'a' 'b'"],
  hex: ["x'41'", '0x1f'],
  bit: ["b'1'", '0b01'],
};
const kinds = Object.keys(literals);
const literal = fc.constantFrom(...kinds).chain((kind) => fc.constantFrom(...literals[kind]!));
const single = literal.filter((text) => !text.includes("' '"));
const rows = fc.array(fc.tuple(fc.oneof(single, fc.constant('NULL')), single), { minLength: 1, maxLength: 4 });
const fragment = fc.oneof(
  { weight: 3, arbitrary: literal },
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      ...'select from where and or as a b t order by group limit , ( ) = . + - * < <= > ? @v @@x date char decimal null in values over rows preceding case when then end ; /*!99999x*/ /*+h*/ \\'.split(
        ' ',
      ),
    ),
  },
  { weight: 2, arbitrary: fc.array(single, { minLength: 1, maxLength: 4 }).map((list) => `in (${list.join(',')})`) },
  { weight: 1, arbitrary: rows.map((list) => `values ${list.map((row) => `(${row.join(',')})`).join(',')}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '/*! a */',
      '/* SHARDMESH_HINT: x */',
      '`a`',
      '_utf8mb4',
      "N'a'",
      "'",
      '\u0001',
      '\u0004',
    ),
  },
);
const statement = fc
  .tuple(
    fc.constantFrom('select', 'insert into t', 'update t set', 'set', 'with', '('),
    fc.array(fc.tuple(fragment, fc.constantFrom(' ', ' ', '')), { maxLength: 9 }),
  )
  .map(([verb, list]) => `${verb} ${list.map(([text, gap]) => text + gap).join('')}`);

interface Printed {
  readonly key: string;
  readonly hash: number;
  /** What the key must tell apart: everything outside of slots, and the shape of the slots. */
  readonly meaning: string;
  readonly tokens: TokenList;
  readonly out: FingerprintBuffer;
}

function printed(text: string): Printed {
  const tokens = new Lexer().lex(Buffer.from(text), mariadbMode);
  const out = new FingerprintBuffer();
  fingerprint(tokens, 0, out);
  const parts: string[] = [];
  let slot = 0;
  for (let i = 0; i < out.endToken; i++) {
    if (slot < out.slotCount && out.slotFirst[slot] === i) {
      const kind = out.slotKinds[slot]!;
      const end = out.slotEnd[slot]!;
      if (kind === SlotKind.scalar) {
        const first = tokens.kinds[i] === TokenKind.introducer ? i + 1 : i;
        parts.push(
          `${first > i ? textOf(tokens, i) : ''}<${tokens.kinds[first]} ${tokens.kinds[i] === TokenKind.word ? textOf(tokens, i).toLowerCase() : ''}>`,
        );
      } else if (kind === SlotKind.list) parts.push('<list>');
      else parts.push(`<rows ${out.slotWidth[slot]}>`);
      i = end - 1;
      slot++;
    } else {
      parts.push(`${tokens.kinds[i]}:${tokens.kinds[i] === TokenKind.punctuation ? tokens.ids[i] : textOf(tokens, i)}`);
    }
  }
  assert.equal(slot, out.slotCount, 'slots are in order and inside of the statement');
  const key = Buffer.from(out.key.subarray(0, out.keyLength)).toString('latin1');
  return { key, hash: out.hash, meaning: `${parts.join(' ')} ${out.endCertain}`, tokens, out };
}

test('equal keys mean equal text outside of slots and equal slots', () => {
  const seen = new Map<string, string>();
  const hashes = new Map<string, number>();
  let repeats = 0;
  fc.assert(
    fc.property(statement, (text) => {
      const { key, hash, meaning } = printed(text);
      const before = seen.get(key);
      if (before !== undefined) repeats++;
      assert.equal(before ?? meaning, meaning);
      assert.equal(hashes.get(key) ?? hash, hash);
      seen.set(key, meaning);
      hashes.set(key, hash);
    }),
    { numRuns: 6000 },
  );
  assert.ok(repeats > 50, `only ${repeats} repeated keys: the test does not see enough of them`);
});

test('other values of the same kind in the slots make the same key', () => {
  let slots = 0;
  fc.assert(
    fc.property(statement, fc.nat(), (text, seed) => {
      const { key, tokens, out } = printed(text);
      let changed = '';
      let copied = 0;
      for (let slot = 0; slot < out.slotCount; slot++) {
        const isScalar = out.slotKinds[slot] === SlotKind.scalar;
        for (let i = out.slotFirst[slot]!; i < out.slotEnd[slot]!; i++) {
          const other = otherLiteral(tokens, i, seed + i, isScalar);
          if (other === undefined) continue;
          changed += text.slice(copied, tokens.starts[i]) + other;
          copied = tokens.ends[i]!;
          slots++;
        }
      }
      changed += text.slice(copied);
      assert.equal(printed(changed).key, key, changed);
    }),
    { numRuns: 3000 },
  );
  assert.ok(slots > 1000);
});

/** Another literal: of the same kind in scalar slots, of any kind in lists and rows. */
function otherLiteral(tokens: TokenList, i: number, seed: number, isScalar: boolean): string | undefined {
  const name = Object.entries(TokenKind).find(([, kind]) => kind === tokens.kinds[i])?.[0] ?? '';
  if (literals[name] === undefined) return undefined;
  if (textOf(tokens, i).startsWith('N')) return "N'z'";
  const list = (isScalar ? literals[name] : kinds.flatMap((kind) => literals[kind]!)).filter(
    (text) =>
      !text.includes("' '") && (name !== 'integer' || !isScalar || (text === '0') === /^0+$/.test(textOf(tokens, i))),
  );
  const other = list[seed % list.length]!;
  // Keep the scale; and a blank, so that nothing runs together.
  if (isScalar && name === 'decimal') return ` ${String(seed % 90)}${textOf(tokens, i).replace(/^\d*/, '')} `;
  return ` ${other} `;
}

test('a changed word, operator or parameter changes the key', () => {
  fc.assert(
    fc.property(statement, fc.nat(), (text, seed) => {
      const { key, tokens, out } = printed(text);
      const outside: number[] = [];
      for (let i = 0, slot = 0; i < out.endToken; i++) {
        if (slot < out.slotCount && out.slotFirst[slot] === i) i = out.slotEnd[slot++]! - 1;
        else if (tokens.kinds[i] === TokenKind.word || tokens.kinds[i] === TokenKind.parameter) outside.push(i);
      }
      if (outside.length === 0) return;
      const at = outside[seed % outside.length]!;
      const changed = `${text.slice(0, tokens.starts[at])} other ${text.slice(tokens.ends[at])}`;
      assert.notEqual(printed(changed).key, key, changed);
    }),
    { numRuns: 2000 },
  );
});
