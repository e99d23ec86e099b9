/** `npm run docs`: writes the generated pages of docs/. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorsPage } from './make-errors-doc.ts';
import { sqlSupportPage } from './make-sql-support-doc.ts';

const docs = join(import.meta.dirname, '../docs');
for (const [name, page] of [
  ['errors.md', errorsPage()],
  ['sql-support.md', sqlSupportPage()],
] as const) {
  writeFileSync(join(docs, name), page);
  process.stdout.write(`docs/${name}\n`);
}
