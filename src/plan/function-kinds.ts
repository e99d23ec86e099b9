/** What planning must know of MySQL's functions: which aggregate, which are not deterministic, which touch the session. */

const aggregates = new Set([
  'COUNT',
  'SUM',
  'MIN',
  'MAX',
  'AVG',
  'BIT_AND',
  'BIT_OR',
  'BIT_XOR',
  'GROUP_CONCAT',
  'STD',
  'STDDEV',
  'STDDEV_POP',
  'STDDEV_SAMP',
  'VARIANCE',
  'VAR_POP',
  'VAR_SAMP',
  'ANY_VALUE',
  'JSON_ARRAYAGG',
  'JSON_OBJECTAGG',
  'ST_COLLECT',
]);

/** Whether a call without OVER makes its query aggregated. ANY_VALUE counts: it groups where GROUP BY is. */
export function isAggregate(name: string): boolean {
  return aggregates.has(name);
}

const random = new Set([
  'RAND',
  'UUID',
  'UUID_SHORT',
  'RANDOM_BYTES',
  'SYSDATE',
  'UUIDV4',
  'UUIDV7',
  'UUID_V4',
  'UUID_V7',
  'SYS_GUID',
  'GEN_RANDOM_UUID',
]);

/** Whether two servers would answer the call differently (NOW() is not one: the statement's time is fixed for all). */
export function isRandom(name: string): boolean {
  return random.has(name);
}

const userLocks = new Set(['GET_LOCK', 'RELEASE_LOCK', 'RELEASE_ALL_LOCKS', 'IS_FREE_LOCK', 'IS_USED_LOCK']);

/** GET_LOCK and its family: they need the one server that keeps the locks. */
export function isUserLock(name: string): boolean {
  return userLocks.has(name);
}

const serverFiles = new Set(['LOAD_FILE']);

/** Functions that read files of the server. */
export function readsServerFiles(name: string): boolean {
  return serverFiles.has(name);
}

const sequences = new Set(['NEXTVAL', 'LASTVAL', 'SETVAL', 'NEXT_VALUE']);

/** Functions of MariaDB's sequences: state of one server. */
export function isSequence(name: string): boolean {
  return sequences.has(name);
}
