/** Any SELECT: the rows that it needs of each table are copied to one server, where the client's own text runs over the copies. */
import { MeshError } from '../../base/index.ts';
import type { Column } from '../../catalog/index.ts';
import type { Expression, SelectBlock, Star, TableFactor } from '../../sql/index.ts';
import type { RewriteTemplate } from '../rewrite.ts';
import { someNode, visitNodes } from '../syntax-walk.ts';
import type { BindInput, NameMap, Route, ScratchFeed, ScratchLoad } from '../types.ts';
import { copyText } from './hidden-columns.ts';
import { backtick } from './sql-name.ts';
import { conjuncts, hasAggregate, hasQuery, isFickle } from './syntax.ts';
import { columnDefinition, primaryKey, transferOf } from './transfer.ts';
import type {
  AcrossBuilder,
  AcrossPlan,
  Edit,
  NodePlace,
  Piece,
  Relation,
  ResolvedBlock,
  ResolvedStatement,
  RoutedUses,
  TableUse,
} from './types.ts';

/** What to copy of one table reference. */
interface Copy {
  readonly use: TableUse;
  readonly name: string;
  readonly columns: readonly string[];
  readonly loads: readonly ScratchLoad[];
  readonly define: Uint8Array;
  readonly template: RewriteTemplate;
}

/** Name of the temporary table for a table reference. */
const copyName = (use: TableUse): string => `_mesh_s${use.index}`;

/** Always possible but for column types that can't be copied: then the refusal. */
export function planScratchRows(statement: ResolvedStatement, builder: AcrossBuilder): AcrossPlan | MeshError {
  const needs = neededColumns(statement);
  const copies = new Map<number, Copy>();
  try {
    for (const use of statement.uses) {
      if (use.meaning.kind === 'system') continue;
      copies.set(use.index, planCopy(use, needs.get(use.index) ?? new Set(), statement, builder));
    }
  } catch (error) {
    if (error instanceof MeshError) return error;
    throw error;
  }
  const whole = statement.query.query;
  const edits: Edit[] = [...builder.nameEdits(whole), ...builder.factEdits(whole)];
  for (const use of statement.uses) {
    // Copies have no indexes that a hint could name.
    const hints = use.factor?.indexHints;
    if (hints !== undefined) edits.push({ at: hints, pieces: [] });
    if (use.meaning.kind !== 'system') continue;
    const alias = use.factor?.alias === undefined ? ` AS ${backtick(use.alias)}` : '';
    edits.push({ at: use.name, pieces: [{ kind: 'text', text: `${backtick(copyName(use))}${alias}` }] });
  }
  const final = builder.text.whole(edits);

  return {
    weight: 800 + final.pieces.length * 100 + copies.size * 600,
    bind(input: BindInput, routed: RoutedUses) {
      const source = scratchSource(statement, builder, routed);
      // The answer is made outside of the client's transaction: what that may have written can only come as a copy.
      const free = input.facts.autocommit && !input.facts.inTransaction;
      const feeds: ScratchFeed[] = [];
      const tables: string[] = [];
      const renamed = new Map(builder.names.tables);
      const nodes: { source: string; tables: string[] }[] = [];
      for (const use of statement.uses) {
        const name = copyName(use);
        tables.push(name);
        if (use.meaning.kind === 'system') {
          feeds.push(systemFeed(use, name));
          continue;
        }
        const places = placesOf(use, statement.uses.length, source, routed);
        nodes.push(...places.map((place) => ({ source: place.source, tables: [place.tables[use.index]!] })));
        const only = places.length === 1 ? places[0] : undefined;
        const own = use.meaning.kind === 'single' && use.meaning.temporary === true;
        if (only?.source === source && free && !own) {
          // All its rows are there already.
          tables[use.index] = only.tables[use.index]!;
          continue;
        }
        const copy = copies.get(use.index)!;
        renamed.set(name, use.name.table.name);
        feeds.push({
          name,
          define: { text: copy.define, parameters: [] },
          columns: copy.columns,
          loads: copy.loads,
          rows: { kind: 'queries', queries: places.map((place) => builder.query(copy.template, input, place)) },
        });
      }
      const names: NameMap = { database: builder.names.database, tables: renamed };
      return {
        kind: 'scratch',
        route: scratchRoute(nodes, routed),
        scratch: { source, feeds, final: builder.query(final, input, { source, tables }) },
        names,
      };
    },
  };
}

function scratchRoute(nodes: Route['nodes'], routed: RoutedUses): Route {
  return {
    target: nodes.length > 1 ? 'some' : 'one',
    role: 'primary',
    reason: routed.reason,
    detail: routed.detail,
    nodes,
    nodesTotal: nodes.length,
  };
}

/** The server with the most tables that need no copy: a single table's, else that of the first sharded table's rows. */
function scratchSource(statement: ResolvedStatement, builder: AcrossBuilder, routed: RoutedUses): string {
  const { rules } = builder.environment;
  for (const use of statement.uses) if (use.meaning.kind === 'single') return use.meaning.source;
  for (const use of statement.uses) {
    if (use.meaning.kind !== 'sharded') continue;
    const first = routed.nodesOf(use.index)[0];
    if (first !== undefined) return use.meaning.logical.nodes[first]!.source;
  }
  const broadcast = statement.uses.find((use) => use.meaning.kind === 'broadcast')?.meaning;
  return broadcast?.kind === 'broadcast' && !broadcast.logical.nodes.some((node) => node.source === rules.defaultSource)
    ? broadcast.logical.nodes[0]!.source
    : rules.defaultSource;
}

/** Where the rows of one table reference are. */
function placesOf(use: TableUse, uses: number, scratch: string, routed: RoutedUses): NodePlace[] {
  const place = (source: string, table: string): NodePlace => {
    const tables: string[] = new Array<string>(uses).fill('');
    tables[use.index] = table;
    return { source, tables };
  };
  switch (use.meaning.kind) {
    case 'sharded': {
      const { nodes } = use.meaning.logical;
      return routed.nodesOf(use.index).map((index) => place(nodes[index]!.source, nodes[index]!.table));
    }
    case 'broadcast': {
      const { nodes } = use.meaning.logical;
      const node = nodes.find((candidate) => candidate.source === scratch) ?? nodes[0]!;
      return [place(node.source, node.table)];
    }
    case 'single':
      return [place(use.meaning.source, use.meaning.logical.nodes[0]?.table ?? use.meaning.logical.name)];
    default:
      return [];
  }
}

function systemFeed(use: TableUse, name: string): ScratchFeed {
  const table = use.meaning.kind === 'system' ? use.meaning.table : '';
  const define = Buffer.from(
    `CREATE TEMPORARY TABLE ${backtick(name)} AS SELECT * FROM information_schema.${backtick(table)} LIMIT 0`,
  );
  return {
    name,
    define: { text: define, parameters: [] },
    columns: [],
    loads: [],
    rows: { kind: 'informationSchema', table },
  };
}

// ---- needed columns ------------------------------------------------------------------------------------------

/** By use index: lower-cased names of the columns that the statement reads. */
function neededColumns(statement: ResolvedStatement): Map<number, Set<string>> {
  const needs = new Map<number, Set<string>>(statement.uses.map((use) => [use.index, new Set()]));
  const need = (use: TableUse, name: string) => needs.get(use.index)!.add(name.toLowerCase());
  const needAll = (use: TableUse) => {
    for (const column of use.schema?.columns ?? []) if (!column.invisible) need(use, column.name);
  };
  for (const [ref, resolved] of statement.columns) {
    if (resolved.kind === 'relation') {
      if (resolved.relation.kind === 'table') need(resolved.relation.use, resolved.name);
      // USING makes one column of several: the name is needed of all.
      for (const other of resolved.block.relations)
        if (ref.table === undefined && other.kind === 'table') need(other.use, resolved.name);
    } else if (resolved.kind !== 'alias') for (const use of statement.uses) need(use, ref.column.name);
  }
  const alone = new Set(statement.uses.filter((use) => use.factor === undefined));
  for (const use of alone) needAll(use);
  for (const block of statement.blocks.values()) {
    for (const item of block.select.items) {
      if (item.expression.kind === 'star') for (const use of starUses(item.expression, block)) needAll(use);
    }
    for (const factor of block.select.from) needJoined(factor, block, need, needAll);
  }
  return needs;
}

function starUses(star: Star, block: ResolvedBlock): TableUse[] {
  return block.relations.flatMap((relation) =>
    relation.kind === 'table' && (star.table === undefined || relation.alias === star.table.name) ? [relation.use] : [],
  );
}

function needJoined(
  factor: TableFactor,
  block: ResolvedBlock,
  need: (use: TableUse, name: string) => void,
  needAll: (use: TableUse) => void,
): void {
  visitNodes(factor, (node) => {
    if (node.kind === 'select') return false;
    if (node.kind !== 'join') return undefined;
    const join = node as unknown as Extract<TableFactor, { kind: 'join' }>;
    for (const relation of block.relations) {
      if (relation.kind !== 'table') continue;
      if (join.natural) needAll(relation.use);
      for (const column of join.using) need(relation.use, column.name);
    }
    return undefined;
  });
}

// ---- copies --------------------------------------------------------------------------------------------------

function planCopy(
  use: TableUse,
  needed: ReadonlySet<string>,
  statement: ResolvedStatement,
  builder: AcrossBuilder,
): Copy {
  const schema = use.schema;
  if (schema === undefined)
    throw new MeshError('SM_UNKNOWN_SCHEMA_STATE', { table: use.alias, reason: 'not read from its source' });
  let columns: Column[] = schema.columns.filter((column) => needed.has(column.name.toLowerCase()));
  if (columns.length === 0) {
    const key = schema.primaryKey[0];
    columns = schema.columns.filter((column) => (key === undefined ? column.ordinal === 0 : column.name === key));
  }
  const transfers = columns.map(transferOf);
  const alias = backtick(use.alias);
  const selected = columns
    .map((column, index) => `${transfers[index]!.before}${alias}.${backtick(column.name)}${transfers[index]!.after}`)
    .join(', ');
  const pieces: Piece[] = [
    { kind: 'text', text: `SELECT ${selected} FROM ` },
    { kind: 'table', table: use.index, logical: '', suffix: ` AS ${alias}` },
  ];
  pushedConditions(use, statement).forEach((condition, index) => {
    pieces.push({ kind: 'text', text: index === 0 ? ' WHERE (' : ' AND (' });
    pieces.push(...copyText(condition, builder));
    pieces.push({ kind: 'text', text: ')' });
  });
  const name = copyName(use);
  const someVisible = columns.some((column) => !column.invisible);
  const definitions = columns.map((column) => columnDefinition(column, column.invisible && someVisible));
  const define = `CREATE TEMPORARY TABLE ${backtick(name)} (${definitions.join(', ')}${primaryKey(schema, columns, uniqueAcross(use, builder))})`;
  return {
    use,
    name,
    columns: columns.map((column) => column.name),
    loads: transfers.map((transfer) => transfer.load),
    define: Buffer.from(define),
    template: builder.text.compose(pieces),
  };
}

const integerTypes = new Set(['tinyint', 'smallint', 'mediumint', 'int', 'integer', 'bigint']);

/** Lower-cased columns that a key must have so that what is unique on each node is unique over all; undefined: no key is certain. */
function uniqueAcross(use: TableUse, builder: AcrossBuilder): readonly string[] | undefined {
  if (use.meaning.kind !== 'sharded') return [];
  const { shardingColumns, nodes } = use.meaning.logical;
  if (nodes.length === 1) return [];
  // 'a' and 'A' are one key for the table's collation, and may lie on two nodes.
  const exact = shardingColumns.every((name) => {
    const column = use.schema?.columnsByName.get(name);
    return column !== undefined && (integerTypes.has(column.dataType) || builder.isShardingKey({ use, column }));
  });
  return exact && shardingColumns.length > 0 ? shardingColumns : undefined;
}

/** Conjuncts of WHERE that read this table alone and may be asked before anything else: not where outer joins put NULLs in its place. */
function pushedConditions(use: TableUse, statement: ResolvedStatement): Expression[] {
  for (const block of statement.blocks.values()) {
    const relation = block.relations.find((candidate) => candidate.kind === 'table' && candidate.use === use);
    if (relation === undefined) continue;
    if (relation.nullable || !isPlainSelect(block.select)) return [];
    return conjuncts(block.select.where).filter((condition) => readsOnly(condition, relation, statement));
  }
  return [];
}

function isPlainSelect(select: SelectBlock): boolean {
  return select.from.length > 0;
}

function readsOnly(condition: Expression, relation: Relation, statement: ResolvedStatement): boolean {
  if (hasQuery(condition) || hasAggregate(condition) || isFickle(condition)) return false;
  let reads = 0;
  const foreign = someNode(condition, (node) => {
    if (node.kind === 'match') return true;
    if (node.kind !== 'column') return false;
    reads += 1;
    const ref = node as unknown as { schema?: unknown };
    const resolved = statement.columns.get(node as never);
    return (
      ref.schema !== undefined ||
      resolved?.kind !== 'relation' ||
      resolved.relation !== relation ||
      resolved.origin === undefined
    );
  });
  return !foreign && reads > 0;
}
