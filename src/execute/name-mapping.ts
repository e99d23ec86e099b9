/** Shows logical names where a backend answered with physical ones: column definitions and error texts. */
import type { NameMap } from '../plan/index.ts';
import { parseColumnDefinition, patchColumnDefinition, payloadOf } from '../wire/index.ts';

/** A column definition under logical names; the same buffer when nothing differs. */
export function logicalColumn(definition: Buffer, names: NameMap): Buffer {
  const parsed = parseColumnDefinition(definition);
  const schema = parsed.schema === '' ? '' : (systemSchema(parsed.schema) ? parsed.schema : (names.database ?? parsed.schema));
  const orgTable = names.tables.get(parsed.orgTable) ?? parsed.orgTable;
  const table = names.tables.get(parsed.table) ?? parsed.table;
  if (schema === parsed.schema && orgTable === parsed.orgTable && table === parsed.table) return definition;
  return payloadOf((writer) => patchColumnDefinition(writer, definition, { schema, table, orgTable }));
}

/**
 * An error or warning text under logical names. Physical schema and table names are replaced only where a server quotes
 * identifiers; the first quoted part of a duplicate-key error is the user's own data and stays.
 */
export function logicalMessage(message: string, errno: number, names: NameMap, physicalSchemas: ReadonlySet<string>): string {
  if (physicalSchemas.size === 0 && names.tables.size === 0) return message;
  let quoted = 0;
  return message.replace(/(['"`])((?:(?!\1).)*)\1/g, (whole, quote: string, inner: string) => {
    quoted += 1;
    if (errno === ER_DUP_ENTRY && quoted === 1) return whole;
    return `${quote}${logicalName(inner, names, physicalSchemas)}${quote}`;
  });
}

const ER_DUP_ENTRY = 1062;

function logicalName(text: string, names: NameMap, physicalSchemas: ReadonlySet<string>): string {
  const parts = text.split('.');
  if (parts.length > 3) return text;
  return parts
    .map((part, index) => {
      if (index === 0 && parts.length > 1 && physicalSchemas.has(part)) return names.database ?? part;
      return names.tables.get(part) ?? part;
    })
    .join('.');
}

const SYSTEM_SCHEMAS = new Set(['information_schema', 'mysql', 'performance_schema', 'sys']);

function systemSchema(name: string): boolean {
  return SYSTEM_SCHEMAS.has(name.toLowerCase());
}
