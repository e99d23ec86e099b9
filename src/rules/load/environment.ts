/** `${NAME}` and `${NAME:-default}` from the environment. */

const place = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/**
 * `$${` stands for `${` itself. An unset or (with `:-`) empty variable takes the default. `missing` lists names without value and default.
 * A text that was one place and gives a canonical whole number or true/false becomes that, as if it stood in the file.
 */
export function substituteEnvironment(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): { readonly value: string | number | boolean; readonly missing: readonly string[] } {
  const missing: string[] = [];
  const value = text.replace(place, (whole, name: string | undefined, fallback: string | undefined) => {
    if (name === undefined) return '${';
    const set = env[name];
    if (set !== undefined && (set !== '' || fallback === undefined)) return set;
    if (fallback !== undefined) return fallback;
    missing.push(name);
    return whole;
  });
  if (missing.length > 0 || !/^\$\{[^{}]*\}$/.test(text)) return { value, missing };
  if (value === 'true' || value === 'false') return { value: value === 'true', missing };
  if (/^-?(?:0|[1-9]\d{0,14})$/.test(value) && value !== '-0') return { value: Number(value), missing };
  return { value, missing };
}
