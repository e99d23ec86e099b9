/** Asks the tables of LOOKUP algorithms where keys live. */
import { MeshError } from '../base/index.ts';
import { type KeyValue, type LookupPort, type LookupRequest, primaryOf, type RuleSet } from '../rules/index.ts';
import type { SourcePools } from './source-pools.ts';

/** Keys asked in one statement. */
const KEYS_MAX = 200;

/** Each value is compared by the server in the key column's own type and collation. Rejects with MeshError or the server's error. */
export function lookupTables(rules: RuleSet, pools: SourcePools): LookupPort {
  return {
    async lookUp({ lookup, values }: LookupRequest) {
      const source = primaryOf(rules, lookup.source);
      if (source === undefined) throw new MeshError('SM_CONFIG', { message: `there is no source '${lookup.source}'` });
      const pool = pools.pool(source, { foundRows: false, deprecateEof: true });
      const lease = pool.tryAcquire() ?? (await pool.acquire());
      const targets: (string | undefined)[] = values.map(() => undefined);
      const [table, key, target] = [lookup.table, lookup.keyColumn, lookup.targetColumn].map(quoted);
      try {
        for (let from = 0; from < values.length; from += KEYS_MAX) {
          const selects = values
            .slice(from, from + KEYS_MAX)
            .map(
              (value, index) =>
                `SELECT ${from + index}, CAST(${target} AS CHAR) FROM ${table} WHERE ${key} = ${literal(value)}`,
            );
          const { rows } = await lease.connection.query(selects.join(' UNION ALL '));
          for (const [index, name] of rows) {
            const at = Number(index);
            if (targets[at] !== undefined && targets[at] !== name) {
              throw new MeshError('SM_CONFIG', {
                message: `lookup table '${lookup.table}' gives two targets for one key`,
              });
            }
            targets[at] = name ?? undefined;
          }
        }
        return targets;
      } finally {
        lease.release();
      }
    },
  };
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

function literal(value: KeyValue): string {
  switch (value.kind) {
    case 'integer':
      return value.value.toString();
    case 'decimal':
      return value.text;
    case 'string':
      return `_utf8mb4 X'${Buffer.from(value.text).toString('hex')}'`;
    case 'bytes':
      return `X'${Buffer.from(value.bytes).toString('hex')}'`;
    case 'temporal':
      return `'${value.text}'`;
    case 'null':
      return 'NULL';
  }
}
