/** Prints the nanoseconds that lexing and fingerprinting take per statement: `node bench/sql/lexer.bench.ts`. */

import { FingerprintBuffer, fingerprint, Lexer, type LexMode } from '../../src/sql/index.ts';

const mode: LexMode = {
  charset: 'utf8',
  ansiQuotes: false,
  noBackslashEscapes: false,
  pipesAsConcat: false,
  highNotPrecedence: false,
  ignoreSpace: false,
  serverVersion: 101100,
  mariadb: true,
};
const rows = Array.from({ length: 1000 }, (_, id) => `(${id}, ${id * 7}, 'name of ${id}', ${id}.25, NULL)`).join(', ');
const statements: readonly (readonly [string, string, number])[] = [
  ['point select', 'SELECT c FROM sbtest1 WHERE id=5021', 400_000],
  [
    'join',
    "SELECT o.id, o.total, u.name FROM orders o JOIN users u ON u.id = o.user_id WHERE o.user_id = 42 AND o.state IN ('new', 'paid') ORDER BY o.id DESC LIMIT 20",
    100_000,
  ],
  ['insert of 1000 rows', `INSERT INTO orders (id, user_id, name, total, note) VALUES ${rows}`, 300],
];
const lexer = new Lexer();
const out = new FingerprintBuffer();

for (const [name, text, times] of statements) {
  const bytes = Buffer.from(text);
  const run = (count: number) => {
    let hash = 0;
    for (let i = 0; i < count; i++) {
      fingerprint(lexer.lex(bytes, mode), 0, out);
      hash ^= out.hash;
    }
    return hash;
  };
  run(times >> 2);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const start = process.hrtime.bigint();
    run(times >> 2);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / (times >> 2));
  }
  console.log(
    `${name.padEnd(20)} ${best.toFixed(0).padStart(8)} ns, ${bytes.length} bytes, key of ${out.keyLength} bytes`,
  );
}
