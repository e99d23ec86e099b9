/**
 * Preloaded into a sidecar by the positive controls of the replica tests: no position is waited for, and every replica is taken
 * to have what is asked of it. The harness must notice stale reads.
 */
import { ReplicaMember } from '../../src/backend/replica-set.ts';

ReplicaMember.prototype.waitSql = () => 'SELECT 0';
