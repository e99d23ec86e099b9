/** What the barriers of all databases say of one operation of a branch: asked where an HTTP answer was lost. */
import type { RowDataPacket } from 'mysql2/promise';
import { type DataSource, primaryOf, type RuleSet } from '../rules/index.ts';
import { barrierStatesSql, readBranchIdentity, verdictOf } from '../transaction/index.ts';
import { withSource } from './source-connection.ts';

export type SourceVerdict = 'done' | 'empty' | 'hanging' | 'none';

const timeoutMs = 3000;

/** `none` where no row tells; servers that do not answer tell nothing. Names are checked: others have no row. */
export async function barrierVerdict(
  ruleSets: Iterable<RuleSet>,
  gid: string,
  branch: string,
  operation: string,
): Promise<SourceVerdict> {
  const identity = readBranchIdentity(`${gid}/${branch}/${operation}`);
  if (identity === undefined) return 'none';
  let said: SourceVerdict = 'none';
  for (const rules of ruleSets) {
    const primaries = rules.shardSources.map((name) => primaryOf(rules, name)).filter((source) => source !== undefined);
    const states = await statesOn(primaries, barrierStatesSql(identity));
    const verdict = verdictOf(identity.role, states.found, states.complete);
    if (verdict === 'done') return 'done';
    if (verdict !== 'none') said = verdict;
  }
  return said;
}

/** Rows are one for each source; a server with several sources is asked once. */
async function statesOn(
  sources: readonly DataSource[],
  sql: string,
): Promise<{ readonly found: readonly number[]; readonly complete: boolean }> {
  const servers = new Map(
    sources.map((source) => [`${source.socketPath ?? ''}|${source.host}:${source.port}`, source]),
  );
  const answers = await Promise.all(
    [...servers.values()].map((source) =>
      withSource(source, async (connection) => (await connection.query<RowDataPacket[]>(sql))[0], timeoutMs).catch(
        (): RowDataPacket[] => [],
      ),
    ),
  );
  const found = answers.flat().map((row) => Number(row['state']));
  return { found, complete: found.length >= sources.length };
}
