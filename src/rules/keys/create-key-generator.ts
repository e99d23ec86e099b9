/** Makes key generators of the rules live. */
import { MeshError } from '../../base/index.ts';
import type { KeyGeneratorSpec } from '../types.ts';
import type { GeneratorPorts, KeyGenerator } from './key-generator.ts';
import { createSegment } from './segment.ts';
import { createSnowflake, WORKER_IDS_MAX } from './snowflake.ts';
import { createUuid } from './uuid.ts';

export function createKeyGenerator(spec: KeyGeneratorSpec, ports: GeneratorPorts): KeyGenerator {
  switch (spec.kind) {
    case 'snowflake':
      return createSnowflake(spec, ports.clock, workerIdOf(spec, ports));
    case 'uuid':
      return createUuid(spec, ports.random);
    case 'segment':
      return createSegment(spec, ports.segments);
  }
}

/** Asked before each batch: a lease can end. */
function workerIdOf(spec: Extract<KeyGeneratorSpec, { kind: 'snowflake' }>, ports: GeneratorPorts): () => number {
  const fixed = spec.workerId;
  if (fixed !== undefined) {
    const own = fixed + ports.workerIndex;
    if (own >= WORKER_IDS_MAX || ports.workerIndex >= ports.workers) {
      throw new MeshError('SM_KEY_GENERATOR', {
        name: spec.name,
        reason: `worker id ${own} is above ${WORKER_IDS_MAX - 1}`,
      });
    }
    return () => own;
  }
  return () => {
    const lease = ports.workerIds?.current();
    if (lease === undefined || lease.validUntil <= ports.clock.now()) {
      throw new MeshError('SM_KEY_GENERATOR', {
        name: spec.name,
        reason: 'it has neither a worker-id nor a valid lease of one, and would collide with other sidecars',
      });
    }
    return lease.workerId;
  };
}
