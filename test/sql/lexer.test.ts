import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lexer, Op, TokenKind } from '../../src/sql/index.ts';
import { lexed, mariadbMode, mysqlMode, shown } from './lexer-cases.ts';

const ansi = { ...mariadbMode, ansiQuotes: true };
const noEscapes = { ...mariadbMode, noBackslashEscapes: true };

const cases: readonly (readonly [string, string, typeof mariadbMode?])[] = [
  ['select a from t', 'word:select/SELECT word:a word:from/FROM word:t'],
  ['t.key, key.c, `t`.a', 'word:t op:. word:key op:, word:key op:. word:c op:, quotedName:`t` op:. word:a'],
  ['t . key', 'word:t op:. word:key/KEY'],
  // numbers, and names that look like numbers
  [
    '1 1.5 .5 1. 1e5 1.e5 1E-3 1.5e+7',
    'integer:1 decimal:1.5 decimal:.5 decimal:1. float:1e5 float:1.e5 float:1E-3 float:1.5e+7',
  ],
  ['1a t.1a t.1 a.5 1e 1e+', 'word:1a word:t op:. word:1a word:t op:. word:1 word:a op:. word:5 word:1e word:1e op:+'],
  ['1e5abc 1.5abc', 'float:1e5 word:abc decimal:1.5 word:abc'],
  ['1.e 1.5e+ ', 'bad:1.e bad:1.5e+'],
  ['0x1F 0b01 0X1 0x 0xg 0b2 0x1g', 'hex:0x1F bit:0b01 word:0X1 word:0x word:0xg word:0b2 word:0x1g'],
  ["x'1f' X'' b'01' B''", "hex:x'1f' hex:X'' bit:b'01' bit:B''"],
  ["x'1' x'0g' b'2' ok", "bad:x'1' bad:x'0g' bad:b'2' word:ok"],
  // strings
  [
    "'a''b' \"c\"\"d\" 'e\\'f' N'g' n'h' N\"i\"",
    "string:'a''b' string:\"c\"\"d\" string:'e\\'f' string:N'g' string:n'h' word:N string:\"i\"",
  ],
  ["'a' 'b'", "string:'a' string:'b'"],
  ["'a\\' b", "string:'a\\' word:b", noEscapes],
  ['"a""b" `c``d`', 'quotedName:"a""b" quotedName:`c``d`', ansi],
  ["'never", "bad:'never"],
  ['`never', 'bad:`never'],
  ["'a\\", "bad:'a\\"],
  ['a `b\0c` d', 'word:a bad:`b\0c` word:d'],
  // introducers
  [
    "_utf8mb4'a' _latin1 x'41' _binary 0x41 _utf8mb4 a _nocharset'b'",
    "introducer:_utf8mb4 string:'a' introducer:_latin1 hex:x'41' introducer:_binary hex:0x41 word:_utf8mb4 word:a word:_nocharset string:'b'",
  ],
  ["t._utf8 'a'", "word:t op:. word:_utf8 string:'a'"],
  // variables
  [
    '@a @a.b @`c d` @\'e\' @"f" @@x @@global.y',
    'userVariable:@a userVariable:@a.b userVariable:@`c d` userVariable:@\'e\' userVariable:@"f" systemVariable:@@ word:x systemVariable:@@ word:global/GLOBAL op:. word:y',
  ],
  ['root@localhost a@127.0.0.1', 'word:root userVariable:@localhost word:a userVariable:@127.0.0.1'],
  ['@ a', 'bad:@ word:a'],
  ["@'a", "bad:@'a"],
  // parameters
  ['a=? ?b', 'word:a op:= parameter:? bad:? word:b'],
  // comments
  ['a -- b\nc --d\n--', 'word:a word:c op:- op:- word:d'],
  ['a # b\nc', 'word:a word:c'],
  ['a/* b */c/**/d', 'word:a word:c word:d'],
  ['a /* b', 'word:a bad:/* b'],
  ['/*/ a */ b', 'word:b'],
  ['select /*+ NO_MERGE(a) */ 1', 'word:select/SELECT integer:1'],
  ['# a\0b', 'bad:\0 word:b'],
  ['a\0b', 'word:a bad:\0 word:b'],
  ['a \\ b', 'word:a bad:\\ word:b'],
];

for (const [text, expected, mode] of cases) {
  test(`lex ${JSON.stringify(text)}`, () => {
    assert.equal(shown(lexed(text, mode)).join(' '), expected);
  });
}

test('operators', () => {
  const tokens = lexed('( ) , ; . = <=> <> != < <= > >= << >> + - * / % ^ ~ ! | || & && := : -> ->> { }');
  const { LPAREN, RPAREN, COMMA, SEMICOLON, DOT, EQ, NULL_SAFE_EQ, NE, LT, LE, GT, GE, SHIFT_LEFT, SHIFT_RIGHT } = Op;
  const { PLUS, MINUS, STAR, SLASH, PERCENT, CARET, TILDE, BANG, PIPE, PIPE_PIPE, AMPERSAND, AND_AND, ASSIGN, COLON } =
    Op;
  const expected: number[] = [
    LPAREN,
    RPAREN,
    COMMA,
    SEMICOLON,
    DOT,
    EQ,
    NULL_SAFE_EQ,
    NE,
    NE,
    LT,
    LE,
    GT,
    GE,
    SHIFT_LEFT,
  ];
  expected.push(
    SHIFT_RIGHT,
    PLUS,
    MINUS,
    STAR,
    SLASH,
    PERCENT,
    CARET,
    TILDE,
    BANG,
    PIPE,
    PIPE_PIPE,
    AMPERSAND,
    AND_AND,
  );
  expected.push(ASSIGN, COLON, Op.ARROW, Op.DOUBLE_ARROW, Op.LBRACE, Op.RBRACE);
  assert.deepEqual([...tokens.ids.subarray(0, tokens.count)], expected);
  assert.ok(tokens.kinds.subarray(0, tokens.count).every((kind) => kind === TokenKind.punctuation));
});

test('executable comments open for the versions that they name', () => {
  const words = (text: string, mode: typeof mariadbMode) => shown(lexed(text, mode)).join(' ');
  assert.equal(words('/*! a */ b', mysqlMode), 'word:a word:b');
  assert.equal(words('/*!80000 a */ b', mysqlMode), 'word:a word:b');
  assert.equal(words('/*!080000 a */ b', mysqlMode), 'word:a word:b');
  assert.equal(words('/*!90000 a */ b', mysqlMode), 'word:b');
  assert.equal(words('/*M! a */ b', mysqlMode), 'word:b');
  assert.equal(words('/*!50100 a */ b', mariadbMode), 'word:a word:b');
  assert.equal(words('/*!50701 a */ b', mariadbMode), 'word:b');
  assert.equal(words('/*!80000 a */ b', mariadbMode), 'word:b');
  assert.equal(words('/*!100100 a */ b', mariadbMode), 'word:a word:b');
  assert.equal(words('/*M!50701 a */ b', mariadbMode), 'word:a word:b');
  assert.equal(words('/*M!120000 a */ b', mariadbMode), 'word:b');
  assert.equal(words('/*!90000 a /* c */ d */ b', mysqlMode), 'word:b');
  assert.equal(words('/*! a /* c */ d */ b', mysqlMode), 'word:a word:d word:b');
  assert.equal(words('/*! a', mysqlMode), 'word:a bad:');
  assert.equal(words('/*!123 a */', mysqlMode), 'integer:123 word:a');
  assert.equal(lexed('/*! a */', mysqlMode).hasExecutableComments, true);
  assert.equal(lexed('/*!99999 a */ b', mysqlMode).hasExecutableComments, false);
  assert.equal(lexed('/*!99999 a */ b', mysqlMode).skippedExecutableComments, true);
});

test('hints are kept with the token that follows them', () => {
  const tokens = lexed("a /* SHARDMESH_HINT: X=1 */ b /* shardingsphere_hint: y */ /* no */ c /*traceparent='00-1'*/");
  assert.deepEqual(tokens.hints, [' SHARDMESH_HINT: X=1 ', ' shardingsphere_hint: y ', "traceparent='00-1'"]);
  assert.deepEqual(tokens.hintTokens, [1, 2, 3]);
});

test('latin1 knows letters from other bytes; utf8 takes all of them as letters', () => {
  const bytes = Buffer.from([0x61, 0xa0, 0xe9, 0x62, 0xd7]);
  assert.deepEqual([...lexed(bytes, { ...mariadbMode, charset: 'latin1' }).kinds.subarray(0, 4)], [1, 1, 14, 0]);
  assert.equal(lexed(bytes).count, 1);
});

test('a copy outlives the next text, and the next text does not see the old one', () => {
  const lexer = new Lexer();
  const big = `/* SHARDMESH_HINT: 1 */ /*! x */ ${'a,'.repeat(5000)}b`;
  const tokens = lexer.lex(Buffer.from(big), mariadbMode);
  const copy = tokens.copy();
  const before = shown(copy);
  const next = lexer.lex(Buffer.from('select 1'), mariadbMode);
  assert.equal(shown(next).join(' '), 'word:select/SELECT integer:1');
  assert.deepEqual([next.hints.length, next.marks.length, next.hasExecutableComments], [0, 0, false]);
  assert.deepEqual(shown(copy), before);
  assert.equal(copy.count, 10002);
  assert.equal(copy.kinds[copy.count], TokenKind.end);
  assert.deepEqual([copy.hints.length, copy.marks.length, copy.hasExecutableComments], [1, 12, true]);
});
