/** The names of transactions and branches, as they travel in URLs, headers, comments and session variables. */
import { randomBytes } from 'node:crypto';

/** No separator of any of those places: `/ , ; = % " ' \` and blanks. */
const pattern = /^[A-Za-z0-9_.:@~+#$!^*()-]+$/;
export const gidMax = 128;
export const branchIdMax = 64;

/** What is wrong with it; undefined: nothing. */
export function gidProblem(gid: unknown): string | undefined {
  return nameProblem('gid', gid, gidMax);
}

export function branchIdProblem(id: unknown): string | undefined {
  return nameProblem('branch id', id, branchIdMax);
}

function nameProblem(what: string, name: unknown, max: number): string | undefined {
  if (typeof name !== 'string' || name === '') return `a ${what} is needed`;
  if (name.length > max) return `the ${what} is longer than ${max} characters`;
  return pattern.test(name)
    ? undefined
    : `the ${what} '${name.slice(0, 40)}' has characters other than letters, digits and _.:@~+#$!^*()-`;
}

/** Unique everywhere: 12 random bytes, so that neighbours in time are no neighbours in an index. */
export function newGid(): string {
  return randomBytes(12).toString('hex');
}
