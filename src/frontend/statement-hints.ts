/** What the comments of a statement ask of the mesh. */
import { MeshError } from '../base/index.ts';
import { type Hints, isHintComment, noHints, parseHints } from '../rules/index.ts';
import type { TokenList } from '../sql/index.ts';

/** Throws SM_CONFIG for a hint that is not understood: ignored, it would send the statement elsewhere. */
export function hintsOf(tokens: TokenList): Hints {
  if (tokens.hints.length === 0) return noHints;
  const bodies = tokens.hints.filter((body) => isHintComment(body));
  const branch = branchOf(tokens.hints);
  if (bodies.length === 0) return branch === undefined ? noHints : { ...noHints, variables: new Map([branch]) };
  const { hints, problems } = parseHints(
    branch === undefined ? bodies : [`SHARDMESH_HINT: BRANCH=${branch[1]}`, ...bodies],
  );
  const [problem] = problems;
  if (problem !== undefined) throw new MeshError('SM_CONFIG', { message: `hint: ${problem.message}` });
  return hints;
}

/** The branch of a transaction across services that a sqlcommenter comment carries in its tracestate. */
function branchOf(comments: readonly string[]): [string, string] | undefined {
  for (const comment of comments) {
    const entry = /tracestate='[^']*?shardmesh(?:=|%3D)([^',]+?)(?:%2C|[',])/i.exec(comment)?.[1];
    if (entry === undefined) continue;
    try {
      return ['shardmesh_branch', decodeURIComponent(entry)];
    } catch {
      // Not ours after all.
    }
  }
  return undefined;
}
