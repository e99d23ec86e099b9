/** Rewriting by splicing: identity, and templates that fit every text of their shape. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bind, compile } from '../../src/plan/index.ts';
import { clientBytes, render, StatementText } from '../../src/plan/rewrite.ts';
import { describeAction } from './describe-action.ts';
import { environment, inputOf } from './shop-layout.ts';

const env = environment();
const seed = process.env['SEED'] === undefined ? Date.now() % 1_000_000 : Number(process.env['SEED']);
console.log(`seed ${seed}`);

const integer = fc.integer({ min: 0, max: 50 }).map(String);
const text = fc.constantFrom("'a'", "'it''s'", "'x\\'y'", '"b"', "''", "'?'", "'a, b'", "'/* c */'");
const literal = fc.oneof(integer, text, fc.constantFrom('1.5', '2e1', '0x1f'));
const blank = fc.constantFrom(' ', '  ', '\n', ' /* note */ ', '\t');
const list = fc.array(integer, { minLength: 1, maxLength: 6 }).map((items) => items.join(', '));
const row = fc
  .tuple(integer, fc.constantFrom("'a'", "'b c'", 'NULL', '-3'), fc.constantFrom("'de'", 'now()'))
  .map((cells) => cells);
const rows = (width: 'literals' | 'call') =>
  fc
    .array(row, { minLength: 2, maxLength: 5 })
    .map((all) =>
      all.map(([id, name]) => `(${id}, ${name}, ${width === 'call' ? "left('de', 2)" : "'de'"})`).join(', '),
    );

/** Statement shapes whose parts vary. */
const shapes: readonly ((...parts: string[]) => string)[] = [
  (b, i, l, t) => `select${b}*${b}from orders where${b}user_id in (${l}) and order_id = ${i} and status = ${t}`,
  (b, i, l, t) =>
    `select o.status, count(*),${b}${t} from shop.orders o${b}where o.user_id = ${i} and o.order_id in (${l}) group by o.status`,
  (b, i, l, t) => `update orders set${b}status = ${t}, amount = ${i} where user_id = ${i} and order_id in (${l})`,
  (b, i, l, t) =>
    `delete from${b}orders where orders.status = ${t} and orders.user_id in (${l}) and orders.order_id = ${i}`,
  (b, i, _l, t) => `insert into${b}users (user_id, name) values (${i},${b}${t})`,
  (b, i, l, t) =>
    `select sum(shop.users.user_id) + ${i}, database() from${b}shop.users where name in (${l}, ${t}) and user_id = ${i}`,
  (b, i, l) =>
    `select * from (select * from orders where user_id = ${i}) x${b}where x.order_id = ${i} and x.status in (${l})`,
];

describe('rewriting', () => {
  test('an identity edit gives the same bytes', () => {
    fc.assert(
      fc.property(fc.constantFrom(...shapes), blank, integer, list, text, (shape, b, i, l, t) => {
        const { input } = inputOf(shape(b, i, l, t));
        const source = new StatementText(input.tokens, input.fingerprint);
        const whole = render(source.whole([]), input.tokens, input.fingerprint, []);
        assert.equal(
          Buffer.from(whole.text).toString(),
          Buffer.from(clientBytes(input.tokens, input.fingerprint)).toString(),
        );
        const words = [...Array(input.tokens.count).keys()].filter((token) => input.tokens.kinds[token] === 1);
        const edits = words.map((token) => {
          const at = { start: input.tokens.starts[token]!, end: input.tokens.ends[token]! };
          return { at, pieces: [{ kind: 'text' as const, text: source.slice(at) }] };
        });
        const same = render(source.whole(edits), input.tokens, input.fingerprint, []);
        assert.equal(Buffer.from(same.text).toString().trim(), Buffer.from(input.tokens.text).toString().trim());
      }),
      { seed, numRuns: 200 },
    );
  });

  test('nothing spliced: a view of the client buffer', () => {
    const { input } = inputOf('select 1; select * from users where user_id = 1');
    const source = new StatementText(input.tokens, input.fingerprint);
    const rendered = render(source.whole([]), input.tokens, input.fingerprint, []);
    assert.equal(rendered.text.buffer, input.tokens.text.buffer);
    assert.equal(Buffer.from(rendered.text).toString(), 'select 1');
  });

  test('two texts with equal keys: the plan of one binds the other as its own plan would', async () => {
    let equal = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(
          ...shapes,
          (_b: string, _i: string, _l: string, _t: string, r: string) => `insert into users values ${r}`,
          (_b: string, _i: string, _l: string, _t: string, _r: string, c: string) => `insert into users values ${c}`,
        ),
        fc.tuple(blank, integer, list, literal, rows('literals'), rows('call')),
        fc.tuple(blank, integer, list, literal, rows('literals'), rows('call')),
        async (shape, first, second) => {
          const [a, b] = [
            (shape as (...parts: string[]) => string)(...first),
            (shape as (...parts: string[]) => string)(...second),
          ];
          const one = inputOf(a);
          const two = inputOf(b);
          const key = (print: typeof one.fingerprint) =>
            Buffer.from(print.key.subarray(0, print.keyLength)).toString('hex');
          if (key(one.fingerprint) !== key(two.fingerprint)) return;
          const plan = compile({ tokens: one.input.tokens, fingerprint: one.fingerprint, env, hints: one.hints });
          const own = compile({ tokens: two.input.tokens, fingerprint: two.fingerprint, env, hints: two.hints });
          if (plan.pinned.some((pin, index) => pin.text !== own.pinned[index]?.text)) return;
          equal++;
          const fresh = () => inputOf(b).input;
          assert.deepEqual(
            describeAction(await bind(plan, fresh())),
            describeAction(await bind(own, fresh())),
            `${a}\n${b}`,
          );
        },
      ),
      { seed, numRuns: 1500 },
    );
    assert.ok(equal > 100, `only ${equal} pairs had equal keys`);
  });

  test('executable comments are never spliced', async () => {
    const { input, fingerprint, hints } = inputOf(
      'select * from orders where user_id = 1 and order_id = 1 /*! and status = 2 */',
    );
    const action = await bind(compile({ tokens: input.tokens, fingerprint, env, hints }), input);
    assert.equal(action.kind, 'refuse');
  });
});
