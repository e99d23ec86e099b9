/**
 * Preloaded into a sidecar by the positive control of cross-talk.test.ts: connections are lent without the replay of the
 * session's settings, so that one session's state answers another. The test must notice.
 */
import { BackendConnection } from '../../src/backend/backend-connection.ts';

const { query } = BackendConnection.prototype;

BackendConnection.prototype.query = function (this: BackendConnection, sql: string | Buffer) {
  const skipped = typeof sql === 'string' && /^SET @(@session\.|`)/.test(sql);
  return query.call(this, skipped ? 'DO 0' : sql);
};
