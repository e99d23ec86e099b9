/** Writes schema/*.json and docs/configuration.md from the schemas that the loaders use; `--check` only compares. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: inline expressions and environment places look like this
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { algorithmReference, type JsonSchema, meshJsonSchema, rulesJsonSchema } from '../src/rules/index.ts';

const root = new URL('..', import.meta.url).pathname;

/** Path from the root -> content. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['schema/shardmesh.schema.json', `${JSON.stringify(meshJsonSchema(), null, 2)}\n`],
    ['schema/rules.schema.json', `${JSON.stringify(rulesJsonSchema(), null, 2)}\n`],
    ['docs/configuration.md', configurationPage()],
  ]);
}

const algorithmNotes: Readonly<Record<string, string>> = {
  MOD: 'The value modulo `sharding-count`, never negative. The offsets cut characters from both ends of the value before it is read as a number; `zero-padding` pads the table’s number.',
  HASH_MOD: 'The absolute Java hash code modulo `sharding-count`, so that data placed by ShardingSphere is found.',
  VOLUME_RANGE:
    'Stretches of `sharding-volume` between `range-lower` and `range-upper`; shard 0 is below, the last one from the upper bound on.',
  BOUNDARY_RANGE: '`sharding-ranges: "10,20"` makes three shards: below 10, 10 to 19, from 20 on.',
  AUTO_INTERVAL: 'Stretches of `sharding-seconds` between two times `yyyy-MM-dd HH:mm:ss`.',
  INLINE:
    'The target’s name by an inline expression over the sharding column. Ranges always reach every target that may hold rows; `allow-range-query-with-inline-sharding` is read for old files.',
  INTERVAL: 'Tables named after the start of their stretch of time, such as `t_202401`. Patterns know y M d H m s S.',
  CRC32_MOD: '`CRC32(value) % sharding-count`, as MySQL’s function.',
  MURMUR_HASH:
    'A consistent ring; `weights: "rw_0=2,rw_1=1"`. A new target moves only what it takes over. Names of targets must stay.',
  XXHASH_RANGE:
    'xxHash64 in a key space cut in ranges: `key-ranges: "-80=t_0,80-c0=t_1,c0-=t_2"`; without: even shares.',
  VITESS_HASH: 'Vitess’ `hash` vindex for whole numbers, with `key-ranges` as above.',
  LIST: '`mapping: "de=rw_0, us=rw_1"` or a map; values without entry go to `default`, or are refused.',
  COMPLEX_INLINE: 'An inline expression over several columns, for `complex` strategies.',
  HINT_INLINE: 'An inline expression over `value`, the hint’s text, for `hint` strategies.',
  LOOKUP: 'A table of the database says on which target a key lives; it is read, never written.',
};

function configurationPage(): string {
  const mesh = meshJsonSchema();
  const rules = rulesJsonSchema();
  const parts = [
    '# Configuration',
    'Made by `scripts/make-schema.ts` from the schemas that the loaders use; do not edit by hand.',
    'Two kinds of file, both YAML. Editors complete and check them with `# yaml-language-server: $schema=` and the files in `schema/` (set `yaml.customTags` to `!SHARDING mapping`, `!BROADCAST mapping`, `!SINGLE mapping`, `!READWRITE_SPLITTING mapping`). `shardmesh check FILE...` reports every problem with file, line, column, code and a suggestion.',
    '## Rules for both',
    [
      '- `${NAME}` and `${NAME:-default}` are taken from the environment in text that is no inline expression; `$${` stands for `${`.',
      '- Precedence: flag > environment > file > default.',
      '- Unknown keys are errors. Durations (`500ms`, `30s`, `5m`, `1h`) and sizes (`64MiB`, `1GB`) carry units.',
      '- File names are relative to the file that holds them. Passwords are never shown or logged.',
      '- Anchors, aliases and `<<` are read.',
    ].join('\n'),
    '## shardmesh.yaml',
    ...sections(mesh, '', 3),
    '## A rules file',
    ...sections(rules, '', 3),
    '## Sharding algorithms',
    table(
      ['type', 'properties', 'what it does'],
      algorithmReference().map((each) => [
        `\`${each.type}\``,
        each.properties.map((name) => `\`${name}\``).join(', '),
        algorithmNotes[each.type] ?? '',
      ]),
    ),
    'CRC32_MOD, MURMUR_HASH and XXHASH_RANGE take `key-form: collation`: text is hashed by its collation’s weight string, so that equality under any collation leads to one shard. For new data only; with `value` (the default), `=` and IN on text route only under binary collations without padding, and reach all shards otherwise.',
    'NULL and values that an algorithm cannot place: reads reach all shards, INSERT is refused.',
    '## Inline expressions',
    [
      'A small language, no script engine: literal text with places `${...}` (or `$->{...}`).',
      "- Whole numbers, strings, `true`/`false`, lists `[1, 2]`, ranges `0..3` and `0..<4`, letters `'a'..'c'`, one name: the sharding column.",
      '- `+ - * %`, `& | ^ ~ << >> >>>`, comparisons, `&& || !`, `a ? b : c`; 64-bit integers as in Java (`-1 % 4` is -1). `/` is refused: use `.intdiv(n)`.',
      '- Methods: `.intdiv() .abs() .mod() .toString() .toLong() .toInteger() .intValue() .longValue() .hashCode() .padLeft() .padRight() .substring() .charAt() .length() .size() .toLowerCase() .toUpperCase() .trim() .replace() .indexOf() .startsWith() .endsWith() .contains() .equals()`; `text[0..1]`, `text[-1]`; `list.collect{ x -> ... }`; `as int`, `as long`, `as String`.',
      '- Functions: `Long.parseLong Long.valueOf Integer.parseInt Integer.valueOf String.valueOf Math.abs Math.floorMod Math.floorDiv Math.min Math.max`.',
    ].join('\n'),
    '## Key generators',
    table(
      ['type', 'properties', 'what it does'],
      [
        [
          '`SNOWFLAKE`',
          '`worker-id`, `max-vibration-offset` (1), `max-tolerate-time-difference-milliseconds` (10)',
          '41 bits of milliseconds since 2016-11-01, 10 of worker, 12 of sequence. Each worker process needs an id of its own: `worker-id` plus its number, or a lease; without either, keys are refused.',
        ],
        ['`UUID`', '', '32 hex digits of a random UUID.'],
        [
          '`SEGMENT`',
          '`segment-table` (shardmesh_segment), `segment-source` (the default source), `segment-name` (the generator’s name), `step` (1000), `prefetch-below` (a fifth of the step)',
          'Ranges of ids from a table, one fetched ahead.',
        ],
      ],
    ),
    '## Hints',
    'In comments `/* SHARDMESH_HINT: KEY=value, ... */` (or `SHARDINGSPHERE_HINT:`): `SHARDING_DATABASE_VALUE`, `SHARDING_TABLE_VALUE` (for all tables, or `table.SHARDING_...` for one), `WRITE_ROUTE_ONLY`, `DATA_SOURCE_NAME`, `DISABLE_AUDIT_NAMES` (separated by spaces), `SKIP_SQL_REWRITE`, `TRANSACTION_TYPE` and `SNAPSHOT` (`shardmesh_transaction_type`, `shardmesh_snapshot` for this statement; on BEGIN for its transaction). A hint that is not known is an error. The query attribute `shardmesh_hint` (MySQL 8 clients) says the same for the first statement of a text; prepared statements have hints in their text.',
    '## Refused',
    '`!ENCRYPT`, `!MASK`, `!SHADOW`, `!DB_DISCOVERY`, `!TRAFFIC` and `!AUTHORITY` rules, CLASS_BASED algorithms, dynamic read/write splitting, and transaction types other than LOCAL and XA are errors that name the feature; they are never ignored.',
  ];
  return `${parts.join('\n\n')}\n`;
}

/** A table of the schema's keys, then a section for each key that holds a map of its own. */
function sections(schema: JsonSchema, path: string, level: number): string[] {
  const rows: string[][] = [];
  const below: string[] = [];
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const name = path === '' ? key : `${path}.${key}`;
    const required = schema.required?.includes(key) === true && property.default === undefined;
    rows.push([
      `\`${key}\``,
      typeName(property),
      required ? 'required' : defaultText(property.default),
      property.description ?? '',
    ]);
    below.push(...nested(property, name, level));
  }
  return [...(rows.length === 0 ? [] : [table(['key', 'type', 'default', 'meaning'], rows)]), ...below];
}

function nested(property: JsonSchema, name: string, level: number): string[] {
  if (property.properties !== undefined) return [heading(name, level), ...sections(property, name, level)];
  if (typeof property.additionalProperties === 'object' && property.additionalProperties.properties !== undefined) {
    return [heading(`${name}.<name>`, level), ...sections(property.additionalProperties, `${name}.<name>`, level)];
  }
  const items = property.items;
  if (items?.properties !== undefined) return [heading(`${name}[]`, level), ...sections(items, `${name}[]`, level)];
  return (items?.anyOf ?? []).flatMap((rule) => {
    if (rule.properties === undefined) return [];
    return [heading(String(rule['title']), level), ...sections(rule, String(rule['title']), level)];
  });
}

function heading(name: string, level: number): string {
  return `${'#'.repeat(level)} \`${name}\``;
}

function typeName(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (
    schema.anyOf?.some((each) => each.type === 'string') &&
    schema.anyOf.every((each) => typeof each.type === 'string' && ['string', 'number', 'boolean'].includes(each.type))
  )
    return 'text';
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeName))].join(' or ');
  if (schema['const'] !== undefined) return `\`${String(schema['const'])}\``;
  if (schema.type === 'object') return 'map';
  if (schema.type === 'array') return `list of ${schema.items === undefined ? 'anything' : typeName(schema.items)}`;
  if (schema.type === 'integer') {
    const { minimum, maximum } = schema as { minimum?: number; maximum?: number };
    return minimum === undefined || maximum === undefined ? 'whole number' : `${minimum} to ${maximum}`;
  }
  if (schema.type === 'string') return 'text';
  if (schema.type === undefined) return 'anything';
  // Text that may be written without quotes.
  if (Array.isArray(schema.type)) return 'text';
  return schema.type === 'boolean' ? 'true or false' : String(schema.type);
}

function defaultText(value: unknown): string {
  if (value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0))
    return '';
  return typeof value === 'object' ? `\`${JSON.stringify(value)}\`` : `\`${String(value)}\``;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(header), `|${header.map(() => ' --- |').join('')}`, ...rows.map(line)].join('\n');
}

if (import.meta.main) {
  let stale = false;
  for (const [path, text] of generatedFiles()) {
    const file = join(root, path);
    if (process.argv.includes('--check')) {
      if (readFileSync(file, 'utf8') === text) continue;
      stale = true;
      console.error(`${path} is not up to date: run node scripts/make-schema.ts`);
    } else writeFileSync(file, text);
  }
  process.exitCode = stale ? 1 : 0;
}
