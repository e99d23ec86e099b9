/** A transaction type in either kind of file. */
import { type TransactionType, transactionTypeOf, transactionTypes } from '../../base/index.ts';
import type { Path, YamlFile } from './yaml-file.ts';

/** Reports an unknown one; undefined then, or if none is given. */
export function readTransactionType(text: string | undefined, yaml: YamlFile, path: Path): TransactionType | undefined {
  const type = text === undefined ? undefined : transactionTypeOf(text);
  if (text !== undefined && type === undefined)
    yaml.reportUnknown(path, 'SM_WRONG_VALUE', 'transaction type', text, transactionTypes);
  return type;
}
