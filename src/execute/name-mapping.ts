/** Shows logical names where a backend answered with physical ones: column definitions and error texts. */
import type { NameMap } from '../plan/index.ts';
import { parseColumnDefinition, patchColumnDefinition, payloadOf } from '../wire/index.ts';

/** A column definition under logical names; the same buffer when nothing differs. */
export function logicalColumn(definition: Buffer, names: NameMap): Buffer {
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

const SYSTEM_SCHEMAS = new Set(['information_schema', 'mysql', 'performance_schema', 'sys']);

function systemSchema(name: string): boolean {
  return SYSTEM_SCHEMAS.has(name.toLowerCase());
}
