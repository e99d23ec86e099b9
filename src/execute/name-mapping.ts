/** Shows logical names where a backend answered with physical ones: column definitions and error texts. */
import { ownCopy } from '../base/index.ts';
import type { NameMap } from '../plan/index.ts';
import { parseColumnDefinition, patchColumnDefinition, payloadOf } from '../wire/index.ts';

/** Definitions that were met under one map of names, with their patched form (undefined: nothing differs). */
interface KnownColumns {
  readonly raw: Buffer[];
  readonly logical: (Buffer | undefined)[];
  /** Behind where the last one was found: the columns of a statement come back in the same order. */
  cursor: number;
  /** Too many or too long: not worth looking. */
  full: boolean;
}
const knownColumns = new WeakMap<NameMap, KnownColumns>();
const KNOWN_COLUMNS_MAX = 64;
const KNOWN_BYTES_MAX = 256;

/** A column definition under logical names; the same buffer when nothing differs. Each distinct definition is read once per plan. */
export function logicalColumn(definition: Buffer, names: NameMap): Buffer {
  let known = knownColumns.get(names);
  if (known === undefined) {
    known = { raw: [], logical: [], cursor: 0, full: false };
    knownColumns.set(names, known);
  }
  if (known.full) return readColumn(definition, names);
  const { raw, logical } = known;
  for (let step = 0; step < raw.length; step += 1) {
    const at = (known.cursor + step) % raw.length;
    if (!definition.equals(raw[at] as Buffer)) continue;
    known.cursor = at + 1;
    return logical[at] ?? definition;
  }
  const patched = readColumn(definition, names);
  if (raw.length < KNOWN_COLUMNS_MAX && definition.length <= KNOWN_BYTES_MAX) {
    raw.push(ownCopy(definition));
    logical.push(patched === definition ? undefined : ownCopy(patched));
    known.cursor = raw.length;
  } else {
    known.full = true;
    raw.length = 0;
    logical.length = 0;
  }
  return patched;
}

function readColumn(definition: Buffer, names: NameMap): Buffer {
  const parsed = parseColumnDefinition(definition);
  const schema =
    parsed.schema === '' ? '' : systemSchema(parsed.schema) ? parsed.schema : (names.database ?? parsed.schema);
  const orgTable = names.tables.get(parsed.orgTable) ?? parsed.orgTable;
  const table = names.tables.get(parsed.table) ?? parsed.table;
  if (schema === parsed.schema && orgTable === parsed.orgTable && table === parsed.table) return definition;
  return payloadOf((writer) => patchColumnDefinition(writer, definition, { schema, table, orgTable }));
}

/**
 * An error or warning text under logical names. Names are replaced only where a server writes identifiers: quoted, with
 * dots between quoted parts, or a physical schema before a dot. The first quoted part of a duplicate-key error is the
 * user's own data and stays.
 */
export function logicalMessage(
  message: string,
  errno: number,
  names: NameMap,
  physicalSchemas: ReadonlySet<string>,
): string {
  if (physicalSchemas.size === 0 && names.tables.size === 0) return message;
  let quoted = 0;
  const mapped = message.replace(/`[^`]*`(?:\.`[^`]*`)*|'[^']*'|"[^"]*"/g, (whole) => {
    quoted += 1;
    if (errno === ER_DUP_ENTRY && quoted === 1) return whole;
    // A whole expression, printed with quoted names.
    if (errno === ER_DATA_OUT_OF_RANGE && whole.startsWith("'"))
      return `'${logicalMessage(whole.slice(1, -1), 0, names, physicalSchemas)}'`;
    const parts = whole.startsWith('`')
      ? whole.split('.').map((part) => part.slice(1, -1))
      : whole.slice(1, -1).split('.');
    if (parts.length > 3) return whole;
    const logical = parts.map((part, index) => {
      if (index === 0 && (parts.length > 1 || whole.startsWith('`')) && physicalSchemas.has(part))
        return names.database ?? part;
      return names.tables.get(part) ?? part;
    });
    if (whole.startsWith('`')) return logical.map((part) => `\`${part}\``).join('.');
    return `${whole[0]}${logical.join('.')}${whole[0]}`;
  });
  if (names.database === undefined) return mapped;
  // `FUNCTION shop_0.f does not exist`: not quoted.
  return mapped.replace(/(^|[\s(])([A-Za-z0-9_$]+)\.(?=[A-Za-z0-9_$])/g, (whole, before: string, schema: string) =>
    physicalSchemas.has(schema) ? `${before}${names.database}.` : whole,
  );
}

const ER_DUP_ENTRY = 1062;
const ER_DATA_OUT_OF_RANGE = 1690;

const SYSTEM_SCHEMAS = new Set(['information_schema', 'mysql', 'performance_schema', 'sys']);

function systemSchema(name: string): boolean {
  return SYSTEM_SCHEMAS.has(name.toLowerCase());
}
