/** The names of transactions across services and of their branches, as they travel in URLs, headers, comments and session variables. */

/** No separator of any of those places: `/ , ; = % " ' \` and blanks. */
const word = '[A-Za-z0-9_.:@~+#$!^*()-]';
export const gidMax = 128;
export const branchIdMax = 64;

/** `gid/branch/operation` of a branch that is to be kept by the barrier. */
export const branchPattern = new RegExp(
  `^(${word}{1,${gidMax}})/(${word}{1,${branchIdMax}})/(try|confirm|cancel|action|compensate)$`,
);

/** What is wrong with it; undefined: nothing. */
export function gidProblem(gid: unknown): string | undefined {
  return nameProblem('gid', gid, gidMax);
}

export function branchIdProblem(id: unknown): string | undefined {
  return nameProblem('branch id', id, branchIdMax);
}

const whole = new RegExp(`^${word}+$`);

function nameProblem(what: string, name: unknown, max: number): string | undefined {
  if (typeof name !== 'string' || name === '') return `a ${what} is needed`;
  if (name.length > max) return `the ${what} is longer than ${max} characters`;
  return whole.test(name)
    ? undefined
    : `the ${what} '${name.slice(0, 40)}' has characters other than letters, digits and _.:@~+#$!^*()-`;
}
