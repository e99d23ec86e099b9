/** What the object mappers and query builders of npm share: the target, the checks, and the rows that all of them write. */
import assert from 'node:assert/strict';

const env = process.env;
export const address = {
  host: env.DB_HOST,
  port: Number(env.DB_PORT),
  user: env.DB_USER,
  password: env.DB_PASSWORD,
  database: env.DB_NAME,
};

let checks = 0;

export function check(actual, expected, what) {
  checks += 1;
  assert.deepStrictEqual(actual, expected, `${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

/** 200 rows of 10 users. */
export const rows = Array.from({ length: 200 }, (_, index) => ({
  user_id: index % 10,
  amount: `${index}.50`,
  note: `row ${index} ü 🐬`,
}));

export const done = () => console.log(`ok ${checks}`);
