/** What of a client's query attributes means something to the mesh: hints and the span that a statement belongs to. */
import { Buffer } from 'node:buffer';
import { MeshError } from '../base/index.ts';
import { tracingOn } from '../telemetry/index.ts';
import type { BoundParameter } from '../wire/index.ts';

const HINTS: ReadonlySet<string> = new Set(['shardmesh_hint', 'shardingsphere_hint']);
const TRACE = 'traceparent';
const none: readonly string[] = [];

/** Bodies of the comments that would say the same; the attributes themselves end here. `source`: the packet they are in. */
export function attributeComments(attributes: readonly BoundParameter[], source: Buffer): readonly string[] {
  if (attributes.length === 0) return none;
  const bodies: string[] = [];
  for (const { kind, name, start, end } of attributes) {
    const lower = name.toLowerCase();
    const hint = HINTS.has(lower);
    if (kind !== 'value' || (!hint && (lower !== TRACE || !tracingOn()))) continue;
    const value = source.toString('utf8', start, end);
    if (hint) bodies.push(`SHARDMESH_HINT: ${commentSafe(value)}`);
    else if (/^[0-9a-f-]{1,100}$/.test(value)) bodies.push(`${TRACE}='${value}'`);
  }
  return bodies;
}

/** The text behind comments of these bodies. */
export function withComments(text: Buffer, bodies: readonly string[]): Buffer {
  if (bodies.length === 0) return text;
  return Buffer.concat([...bodies.map((body) => Buffer.from(`/* ${body} */ `)), text]);
}

function commentSafe(value: string): string {
  if (/\*\/|\/\*|[^\x20-\x7e]/.test(value))
    throw new MeshError('SM_CONFIG', { message: 'hint: a query attribute with characters that no hint has' });
  return value;
}
