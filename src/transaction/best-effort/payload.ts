/** What an outbox row holds: the statements of one transaction for one source, as text that an operator can read. */
import type { CapabilityClass } from '../../backend/index.ts';
import { freshSettings, type Settings, withVariables } from '../../session/index.ts';
import type { WrittenParameter, WrittenStatement } from './written-statement.ts';

/** Raised with each change that an older sidecar could misread: it then leaves the row to a newer one. */
const VERSION = 1;

export interface Payload {
  /** Of the connection that they ran on: what affected rows count, and how words are read, depend on it. */
  readonly class: CapabilityClass;
  readonly statements: readonly WrittenStatement[];
}

type StoredBytes = string | { readonly base64: string };

interface StoredStatement {
  readonly text: StoredBytes;
  readonly parameters?: readonly { readonly type: number; readonly unsigned?: true; readonly value: string | null }[];
  readonly settings?: Readonly<Record<string, string>>;
  readonly timestamp?: string;
  readonly insertId?: string;
  readonly affected: string;
}

interface StoredPayload {
  readonly version: number;
  readonly foundRows: boolean;
  readonly ignoreSpace: boolean;
  readonly statements: readonly StoredStatement[];
}

export function encodePayload(payload: Payload): Buffer {
  const stored: StoredPayload = {
    version: VERSION,
    foundRows: payload.class.foundRows,
    ignoreSpace: payload.class.ignoreSpace ?? false,
    statements: payload.statements.map((statement) => ({
      text: storedBytes(statement.text),
      ...(statement.parameters === undefined ? {} : { parameters: statement.parameters.map(storedParameter) }),
      ...storedSettings(statement.settings),
      ...(statement.timestamp === undefined ? {} : { timestamp: statement.timestamp }),
      ...(statement.insertId === 0n ? {} : { insertId: String(statement.insertId) }),
      affected: String(statement.affected),
    })),
  };
  return Buffer.from(JSON.stringify(stored));
}

/** Throws an Error that says why it cannot be read. */
export function decodePayload(bytes: Buffer): Payload {
  const { version, foundRows, ignoreSpace, statements } = JSON.parse(bytes.toString('utf8')) as StoredPayload;
  if (version !== VERSION) throw new Error(`the payload has format ${version}; this version reads ${VERSION}`);
  return {
    class: { foundRows, deprecateEof: true, ignoreSpace },
    statements: statements.map(
      (statement): WrittenStatement => ({
        text: bytesOfStored(statement.text),
        parameters: statement.parameters?.map(
          ({ type, unsigned, value }): WrittenParameter => ({
            type,
            unsigned: unsigned ?? false,
            value: value === null ? null : Buffer.from(value, 'base64'),
          }),
        ),
        settings: withVariables(freshSettings, Object.entries(statement.settings ?? {})),
        timestamp: statement.timestamp,
        insertId: BigInt(statement.insertId ?? 0),
        affected: BigInt(statement.affected),
      }),
    ),
  };
}

/** User variables stay out: statements that use them are refused. */
function storedSettings({ variables }: Settings) {
  return variables.size === 0 ? {} : { settings: Object.fromEntries(variables) };
}

function storedParameter({ type, unsigned, value }: WrittenParameter) {
  return {
    type,
    ...(unsigned ? { unsigned: true as const } : {}),
    value: value === null ? null : value.toString('base64'),
  };
}

/** Readable where the bytes are UTF-8, otherwise exact. */
function storedBytes(bytes: Buffer): StoredBytes {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : { base64: bytes.toString('base64') };
}

function bytesOfStored(stored: StoredBytes): Buffer {
  return typeof stored === 'string' ? Buffer.from(stored, 'utf8') : Buffer.from(stored.base64, 'base64');
}
