/** Reads what an account may do with a schema from the text of SHOW GRANTS. */

/** Privileges in upper case that hold for the whole schema; `ALL PRIVILEGES` as such. Grants on single tables do not count. */
export function schemaPrivileges(grants: readonly string[], schema: string): ReadonlySet<string> {
  const privileges = new Set<string>();
  for (const grant of grants) {
    const match = /^GRANT (.+?) ON (?:TABLE )?(\*|`(?:[^`]|``)*`|"(?:[^"]|"")*")\.\* TO /i.exec(grant);
    if (match === null) continue;
    const [, list = '', on = ''] = match;
    if (on !== '*' && !patternMatches(on.slice(1, -1).replaceAll('``', '`'), schema)) continue;
    for (const name of list.split(',')) privileges.add(name.trim().toUpperCase());
  }
  return privileges;
}

/** Those of `wanted` that are not granted. */
export function lacking(privileges: ReadonlySet<string>, wanted: readonly string[]): readonly string[] {
  if (privileges.has('ALL PRIVILEGES') || privileges.has('ALL')) return [];
  return wanted.filter((name) => !privileges.has(name));
}

/** Schema names in GRANT are LIKE patterns, with `\_` for a plain underscore. */
function patternMatches(pattern: string, schema: string): boolean {
  let expression = '';
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] ?? '';
    if (c === '\\' && i + 1 < pattern.length) expression += quoteRegExp(pattern[++i] ?? '');
    else if (c === '%') expression += '.*';
    else if (c === '_') expression += '.';
    else expression += quoteRegExp(c);
  }
  return new RegExp(`^${expression}$`, 's').test(schema);
}

function quoteRegExp(c: string): string {
  return c.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
