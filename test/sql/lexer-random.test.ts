import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Lexer, type LexMode, TokenKind } from '../../src/sql/index.ts';
import { mariadbMode } from './lexer-cases.ts';

const modes: fc.Arbitrary<LexMode> = fc.record({
  charset: fc.constantFrom('utf8' as const, 'latin1' as const),
  ansiQuotes: fc.boolean(),
  noBackslashEscapes: fc.boolean(),
  pipesAsConcat: fc.boolean(),
  highNotPrecedence: fc.boolean(),
  ignoreSpace: fc.boolean(),
  serverVersion: fc.constantFrom(50744, 80036, 90100, 101100, 110400),
  mariadb: fc.boolean(),
});
const pieces = fc.constantFrom(
  ..."' \" ` \\ /* */ /*! /*!50000 /*!99999 /*M! /*+ -- # \n \0 @ @@ . , ; ( ) ? x' b' N' 0x 0b 1 1e 1.e 9a _utf8 $ é \u00a0 select SHARDMESH_HINT: traceparent= < > = ! | & : - {".split(
    ' ',
  ),
  ' ',
  'a',
);
const texts = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.array(pieces, { maxLength: 25 }).map((list) => new Uint8Array(Buffer.from(list.join('')))),
);

test('any bytes make ordered tokens inside of the text, and the same ones again', () => {
  const reused = new Lexer();
  fc.assert(
    fc.property(texts, modes, (text, mode) => {
      const tokens = reused.lex(text, mode);
      const fresh = new Lexer().lex(text, mode);
      let end = 0;
      for (let i = 0; i < tokens.count; i++) {
        const kind = tokens.kinds[i]!;
        assert.ok(kind > TokenKind.end && kind <= TokenKind.bad);
        assert.ok(tokens.starts[i]! >= end, 'ordered');
        assert.ok(
          tokens.ends[i]! > tokens.starts[i]! || (kind === TokenKind.bad && i === tokens.count - 1),
          'not empty',
        );
        end = tokens.ends[i]!;
        assert.deepEqual([fresh.kinds[i], fresh.starts[i], fresh.ends[i]], [kind, tokens.starts[i], end]);
      }
      assert.ok(end <= text.length);
      assert.equal(fresh.count, tokens.count);
      assert.equal(tokens.kinds[tokens.count], TokenKind.end);
      assert.equal(tokens.starts[tokens.count], text.length);
    }),
    { numRuns: 3000 },
  );
});

test('between tokens there are only blanks and comments', () => {
  const plain = fc.array(
    fc.constantFrom('a', '1', "'x'", '`y`', '?', '@v', '<=', '(', ' ', '\t', '.', '/*c*/', '0x1', '1.5'),
  );
  fc.assert(
    fc.property(plain, (list) => {
      const text = list.join(' ');
      const tokens = new Lexer().lex(Buffer.from(text), mariadbMode);
      let joined = '';
      for (let i = 0; i < tokens.count; i++) joined += text.slice(tokens.starts[i], tokens.ends[i]);
      assert.equal(joined, text.replaceAll('/*c*/', '').replaceAll(/[ \t]/g, ''));
    }),
    { numRuns: 300 },
  );
});
