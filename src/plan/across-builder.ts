/** Lends the core of planning to the planning of SELECTs across shards. */
import type { SelectStatement } from '../sql/index.ts';
import type { AcrossBuilder, ColumnOrigin, NodePlace, ResolvedStatement } from './across/types.ts';
import { keyColumnOf, strategyColumns } from './key-columns.ts';
import { equalColumns } from './key-value.ts';
import type { Locality } from './locality.ts';
import type { Places } from './places.ts';
import { nameEdits, type PlanBuilder } from './plan-builder.ts';
import type { Edit, RewriteTemplate } from './rewrite.ts';
import { shardQuery } from './shard-query.ts';
import type { BindInput, NameMap, ShardQuery } from './types.ts';
import { readValue, valueSource } from './value-source.ts';

export function acrossBuilder(
  statement: SelectStatement,
  resolved: ResolvedStatement,
  builder: PlanBuilder,
  places: Places,
  locality: Locality,
  names: NameMap,
): AcrossBuilder {
  let edits: readonly Edit[] | undefined;
  const all = (): readonly Edit[] => {
    edits ??= nameEdits(statement, resolved, builder);
    return edits;
  };
  const isFactEdit = (edit: Edit): boolean => edit.pieces.some((piece) => piece.kind === 'fact');
  const inside = (edit: Edit, span: { start: number; end: number }): boolean =>
    edit.at.start >= span.start && edit.at.end <= span.end;
  return {
    environment: builder.environment,
    text: builder.text,
    shardLocal: locality.local,
    isShardingKey: (column) => isShardingKey(column, builder),
    pin: (literal) => builder.pin(literal),
    nameEdits: (span) => all().filter((edit) => !isFactEdit(edit) && inside(edit, span)),
    factEdits: (span) => all().filter((edit) => isFactEdit(edit) && inside(edit, span)),
    places: (leader, nodes): NodePlace[] => places.along(leader, nodes),
    leader: locality.leader?.index ?? places.sharded[0]?.index ?? -1,
    query: (template: RewriteTemplate, input: BindInput, place: NodePlace, computed): ShardQuery =>
      shardQuery(template, input, place, computed),
    limitValue(expression, input) {
      const source = valueSource(expression, builder.text);
      if (source === undefined) return undefined;
      const scalar = readValue(source, input, builder.charset);
      if (scalar.kind === 'integer') return scalar.value >= 0n ? scalar.value : undefined;
      if (scalar.kind === 'double' && Number.isSafeInteger(scalar.value) && scalar.value >= 0)
        return BigInt(scalar.value);
      return scalar.kind === 'string' && /^\d{1,20}$/.test(scalar.text ?? '') ? BigInt(scalar.text!) : undefined;
    },
    names,
  };
}

/** Whether equal values of this column alone imply the same node. */
function isShardingKey({ use, column }: ColumnOrigin, builder: PlanBuilder): boolean {
  if (use.meaning.kind !== 'sharded') return false;
  const { databaseStrategy, tableStrategy, nodes } = use.meaning.logical;
  if (nodes.length === 1) return true;
  const name = column.name.toLowerCase();
  const sources = new Set(nodes.map((node) => node.source)).size;
  const tables = new Set(nodes.map((node) => node.table)).size;
  const keyed = (columns: readonly string[]): boolean => columns.length === 1 && columns[0] === name;
  const [byDatabase, byTable] = [keyed(strategyColumns(databaseStrategy)), keyed(strategyColumns(tableStrategy))];
  const decided =
    (byTable && tables === nodes.length) ||
    (byDatabase && sources === nodes.length) ||
    ((byTable || tables === 1) && (byDatabase || sources === 1));
  if (!decided) return false;
  const key = keyColumnOf(use, column, builder.environment);
  return equalColumns(key, key);
}
