/** The property key-form: whether strings are hashed by their bytes or by their collation's weight string. */
import type { PropertyReader } from './properties.ts';

/** `value` (default) or `collation`, for new data only: weight strings differ between collations. */
export function keyFormOf(reader: PropertyReader): 'value' | 'collation' {
  return reader.oneOf('key-form', ['value', 'collation'], 'value');
}
