/** A statement that has run on one source, with all that it takes to run it there once more and to see that it did the same. */
import type { Settings } from '../../session/index.ts';
import type { BoundParameter } from '../../wire/index.ts';

export interface WrittenParameter {
  /** FieldType. */
  readonly type: number;
  readonly unsigned: boolean;
  /** The value's bytes in the binary protocol, without length; null is NULL. */
  readonly value: Buffer | null;
}

export interface WrittenStatement {
  /** In the character set that the settings name. */
  readonly text: Buffer;
  /** Undefined: it came in the text protocol. */
  readonly parameters: readonly WrittenParameter[] | undefined;
  /** Of the session that ran it. */
  readonly settings: Settings;
  /** NOW() of the statement, as SET timestamp takes it; undefined: the settings fix it. */
  readonly timestamp: string | undefined;
  /** The id that AUTO_INCREMENT gave to the first row; 0: none. */
  readonly insertId: bigint;
  /** Affected rows as the server counted them. */
  readonly affected: bigint;
}

/** Copies parameters out of the packet that they point into. */
export function ownParameters(parameters: readonly BoundParameter[], source: Buffer): WrittenParameter[] {
  return parameters.map(({ type, unsigned, kind, start, end }) => {
    if (kind === 'long') throw new Error('a parameter whose value came separately was not put in its place');
    return { type, unsigned, value: kind === 'null' ? null : Buffer.from(source.subarray(start, end)) };
  });
}

/** The reverse: parameters that point into one buffer. */
export function boundParameters(parameters: readonly WrittenParameter[]): {
  readonly parameters: readonly BoundParameter[];
  readonly source: Buffer;
} {
  let at = 0;
  const bound = parameters.map(({ type, unsigned, value }): BoundParameter => {
    if (value === null) return { type, unsigned, name: '', kind: 'null', start: -1, end: -1 };
    const start = at;
    at += value.length;
    return { type, unsigned, name: '', kind: 'value', start, end: at };
  });
  return { parameters: bound, source: Buffer.concat(parameters.map(({ value }) => value ?? Buffer.alloc(0))) };
}

/** Bytes that it holds, roughly, for the limit on what a transaction may leave to be delivered. */
export function bytesOf(text: Uint8Array, parameters: readonly WrittenParameter[] | undefined): number {
  let bytes = text.length + 200;
  for (const { value } of parameters ?? []) bytes += (value?.length ?? 0) + 8;
  return bytes;
}
