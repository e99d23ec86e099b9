/** A statement's text for one place: the template filled with that place's tables, the values and the session's facts. */
import type { NodePlace } from './across/types.ts';
import { type RewriteTemplate, render } from './rewrite.ts';
import { factText } from './session-functions.ts';
import type { BindInput, ShardQuery } from './types.ts';

/** One text for one place. */
export function shardQuery(
  template: RewriteTemplate,
  input: BindInput,
  place: NodePlace,
  computed?: readonly Uint8Array[],
): ShardQuery {
  const rendered = render(template, input.tokens, input.fingerprint, place.tables, computed, (name) =>
    factText(input.facts, name),
  );
  return { source: place.source, text: rendered.text, parameters: rendered.parameters, nodeTables: place.tables };
}
