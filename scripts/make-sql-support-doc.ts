/** Writes docs/sql-support.md from the cases of the differential runner, which hold it true. */
import { type CaseFile, layoutNames, readCaseFiles } from '../test/differential/case-file.ts';

const percent = (part: number, whole: number): string => `${Math.floor((part / whole) * 1000) / 10} %`;

const summary = (file: CaseFile): { answered: number; refused: ReadonlyMap<string, number> } => {
  const refused = new Map<string, number>();
  let answered = 0;
  for (const { expect } of file.cases) {
    if (expect.kind === 'answer') answered++;
    else refused.set(expect.code, (refused.get(expect.code) ?? 0) + 1);
  }
  return { answered, refused };
};

const escapeCell = (text: string): string => text.replaceAll('|', '\\|');

/** The whole page. */
export const sqlSupportPage = (): string => {
  const files = readCaseFiles();
  const all = files.flatMap((file) => file.cases);
  const answered = all.filter((one) => one.expect.kind === 'answer').length;
  const groups = [...new Set(files.map((file) => file.group))];
  const refusals = files.flatMap((file) => file.cases.filter((one) => one.expect.kind === 'refuse'));
  const table = (group: string): string =>
    [
      '| Feature | Cases | Answered | Refused |',
      '|---|---|---|---|',
      ...files
        .filter((file) => file.group === group)
        .map((file) => {
          const { answered: n, refused } = summary(file);
          const codes = [...refused].map(([code, count]) => `${count} with \`${code}\``).join(', ');
          return `| ${escapeCell(file.feature)} | ${file.cases.length} | ${n} | ${codes || '-'} |`;
        }),
    ].join('\n');
  return `# SQL support

<!-- Made by \`npm run docs\` from test/differential/cases; do not edit. -->

Each case below is executed on one plain server and through the mesh, and everything that a client can see is compared:
rows, their order where ORDER BY fixes it, column names and types, affected rows, insert ids, warnings and error numbers.
A case counts as answered only if all of it is equal. A refusal is an error with a code (see [errors.md](errors.md));
the statement was then not executed at all.

${all.length} cases, ${answered} answered (${percent(answered, all.length)}), on ${layoutNames.length} layouts
(${layoutNames.join(', ')}), each with text statements and with prepared statements.

${groups.map((group) => `## ${group}\n\n${table(group)}`).join('\n\n')}

## What is refused

${refusals.length === 0 ? 'Nothing among the cases.' : ['| Statement | Code |', '|---|---|', ...refusals.map((one) => `| \`${escapeCell(one.steps.at(-1)?.sql ?? '')}\` | ${one.expect.kind === 'refuse' ? `\`${one.expect.code}\`` : ''} |`)].join('\n')}
`;
};
