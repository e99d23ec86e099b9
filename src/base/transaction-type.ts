/** The transaction types that are built: one list for the session variable, the configuration and the hints. */
export const transactionTypes = ['LOCAL', 'XA', 'BEST_EFFORT'] as const;

/** How a transaction over several shards is kept together. */
export type TransactionType = (typeof transactionTypes)[number];

/** Case does not matter; undefined: there is no such type. */
export function transactionTypeOf(text: string): TransactionType | undefined {
  return transactionTypes.find((type) => type === text.toUpperCase());
}
