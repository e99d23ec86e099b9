/** Writes docs/errors.md from the error table, so that the page can't differ from what the mesh answers. */
import { type ErrorRow, errorTable } from '../src/base/index.ts';

const escapeCell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

const tableOf = (rows: readonly (readonly [string, ErrorRow])[]): string =>
  [
    '| Code | Number | SQLSTATE | Text | What to do |',
    '|---|---|---|---|---|',
    ...rows.map(
      ([code, row]) =>
        `| \`${code}\` | ${row.errno} | ${row.sqlState} | ${escapeCell(row.text)} | ${escapeCell(row.help)} |`,
    ),
  ].join('\n');

/** The whole page. */
export const errorsPage = (): string => {
  const rows = Object.entries(errorTable) as [string, ErrorRow][];
  const byNumber = (a: readonly [string, ErrorRow], b: readonly [string, ErrorRow]) => a[1].errno - b[1].errno;
  const ours = rows.filter(([code]) => code.startsWith('SM_')).sort(byNumber);
  const theirs = rows.filter(([code]) => !code.startsWith('SM_')).sort(byNumber);
  return `# Errors

<!-- Made by \`npm run docs\` from src/base/error-table.ts; do not edit. -->

Errors of the servers behind the mesh reach the client as they are, with logical table names in their text.
The errors below are made by the mesh itself. \`{name}\` stands for a value.

## Errors of Shardmesh

The text that a client sees begins with the code: \`[SM_UNSUPPORTED] ...\`. Numbers 9000 to 9499 are reserved for them.

${tableOf(ours)}

## MySQL's errors that the mesh gives itself

Same number, SQLSTATE and wording as the server's.

${tableOf(theirs)}
`;
};
