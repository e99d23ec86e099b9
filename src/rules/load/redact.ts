/** Keeps secrets out of JSON, logs and inspection: the value itself stays readable for the code that needs it. */
import { inspect } from 'node:util';

/** Adds `toJSON` and inspection that show `***` for `secrets`; both are not enumerable. Freezes the object. */
export function redacted<T extends object>(value: T, secrets: readonly (keyof T)[]): T {
  const shown = (): object => {
    const copy: Record<string, unknown> = { ...value } as Record<string, unknown>;
    for (const secret of secrets) copy[String(secret)] = '***';
    return copy;
  };
  Object.defineProperty(value, 'toJSON', { value: shown, enumerable: false });
  Object.defineProperty(value, inspect.custom, { value: shown, enumerable: false });
  return Object.freeze(value);
}
