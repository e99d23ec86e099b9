/** What all planning of one statement shares: the environment, the text, the values it looked at, and the edits of names. */
import { Buffer } from 'node:buffer';
import type { Hints } from '../rules/index.ts';
import {
  type ColumnRef,
  type Literal,
  type LiteralValue,
  literalValue,
  type SelectBlock,
  type Span,
  type Star,
} from '../sql/index.ts';
import type { ResolvedStatement, TableUse } from './across/types.ts';
import { decode, type Edit, quoteName, type StatementText } from './rewrite.ts';
import { factEdits, headingEdit } from './session-functions.ts';
import { visitNodes } from './syntax-walk.ts';
import type { NameMap, Plan, PlanEnvironment } from './types.ts';

/** One per statement that is planned. */
export class PlanBuilder {
  readonly environment: PlanEnvironment;
  readonly text: StatementText;
  readonly hints: Hints;
  readonly #pinned: Plan['pinned'][number][] = [];

  constructor(environment: PlanEnvironment, text: StatementText, hints: Hints) {
    this.environment = environment;
    this.text = text;
    this.hints = hints;
  }

  get pinned(): Plan['pinned'] {
    return this.#pinned;
  }

  get charset(): 'utf8' | 'latin1' {
    return this.environment.mode.charset;
  }

  /** Reads a literal's value and makes it part of the plan's identity. */
  pin(literal: Literal): LiteralValue {
    if (
      literal.slot >= 0 &&
      !this.#pinned.some((pin) => pin.slot === literal.slot && pin.element === literal.element)
    ) {
      this.#pinned.push({
        slot: literal.slot,
        element: literal.element,
        text: decode(this.text.tokens.text.subarray(literal.start, literal.end)),
      });
    }
    return literalValue(this.text.tokens, literal.token);
  }
}

/** Uses that cannot be given an alias (INSERT targets, single-table DELETE): qualifiers that name them must be replaced. */
export type PlainUses = ReadonlySet<number>;

/**
 * Edits that give every table of a resolved statement its physical name. `orders` becomes `orders_0 AS orders` where the grammar
 * allows, so that qualifiers and headings stay; schema names are taken out, because each lease stands in the physical schema.
 */
export function nameEdits(
  root: unknown,
  statement: ResolvedStatement,
  builder: PlanBuilder,
  plain: PlainUses = new Set(),
): Edit[] {
  const edits: Edit[] = [];
  for (const use of statement.uses) edits.push(...tableEdits(use, builder, plain.has(use.index)));
  const changed: Span[] = [];
  visitNodes(root, (node) => {
    if (node.kind !== 'column' && node.kind !== 'star') return undefined;
    const ref = node as unknown as ColumnRef | Star;
    const edit = qualifierEdit(ref, statement, builder, plain);
    if (edit !== undefined) {
      edits.push(edit);
      if (ref.kind === 'column') changed.push(ref);
    }
    return false;
  });
  for (const block of statement.blocks.values()) {
    if (!isReal(block.select)) continue;
    const facts = new Set<Edit>();
    for (const item of block.select.items) {
      const own = factEdits(item, builder.text);
      for (const fact of own) facts.add(fact);
      if (own.length > 0 || changed.some((span) => span.start >= item.start && span.end <= item.end)) {
        const heading = headingEdit(item, builder.text);
        if (heading !== undefined) edits.push(heading);
      }
    }
  }
  edits.push(...factEdits(root, builder.text));
  return edits;
}

/** Blocks made up for UPDATE, DELETE and INSERT have no SELECT keyword of their own. */
function isReal(select: SelectBlock): boolean {
  return select.keyword.end - select.keyword.start === 6;
}

function tableEdits(use: TableUse, builder: PlanBuilder, plain: boolean): Edit[] {
  if (use.meaning.kind === 'system') return [];
  const { text } = builder;
  const { name, factor } = use;
  const logical = name.table.name;
  const suffix = plain || factor === undefined || factor.alias !== undefined ? '' : ` AS ${quoteName(logical)}`;
  const late = suffix !== '' && (factor?.partitions.length ?? 0) > 0 ? factor!.partitions.at(-1)! : undefined;
  const special = suffix !== '' ? factor?.special : undefined;
  const edits: Edit[] = [];
  const piece =
    name.schema === undefined
      ? text.tablePiece(use.index, logical, late === undefined && special === undefined ? suffix : '', name.table)
      : ({
          kind: 'table',
          table: use.index,
          logical,
          suffix: late === undefined && special === undefined ? suffix : '',
        } as const);
  edits.push({ at: name.schema === undefined ? name.table : name, pieces: [piece] });
  if (special !== undefined)
    edits.push({
      at: { start: special.end, end: special.end },
      pieces: [{ kind: 'alias', table: use.index, logical, text: suffix }],
    });
  else if (late !== undefined) {
    // After the `)` of PARTITION (...).
    const end = text.tokens.ends[text.tokenAt(late.end)]!;
    edits.push({ at: { start: end, end }, pieces: [{ kind: 'alias', table: use.index, logical, text: suffix }] });
  }
  return edits;
}

function qualifierEdit(
  ref: ColumnRef | Star,
  statement: ResolvedStatement,
  builder: PlanBuilder,
  plain: PlainUses,
): Edit | undefined {
  if (ref.table === undefined) return undefined;
  const qualifier: Span = { start: (ref.schema ?? ref.table).start, end: ref.table.end };
  const use = plain.size === 0 ? undefined : plainUseOf(ref, statement, plain);
  if (use !== undefined && use.factor?.alias === undefined) {
    const logical = use.name.table.name;
    const piece =
      ref.schema === undefined
        ? builder.text.tablePiece(use.index, logical, '', ref.table)
        : ({ kind: 'table', table: use.index, logical, suffix: '' } as const);
    return { at: qualifier, pieces: [piece] };
  }
  if (ref.schema === undefined) return undefined;
  // Qualifiers of information_schema and mysql stay.
  const system = statement.uses.some(
    (candidate) => candidate.meaning.kind === 'system' && candidate.meaning.schema === ref.schema!.name.toLowerCase(),
  );
  if (system) return undefined;
  return { at: { start: ref.schema.start, end: ref.table.start }, pieces: [] };
}

function plainUseOf(ref: ColumnRef | Star, statement: ResolvedStatement, plain: PlainUses): TableUse | undefined {
  if (ref.kind === 'column') {
    const column = statement.columns.get(ref);
    if (column?.kind === 'relation')
      return column.relation.kind === 'table' && plain.has(column.relation.use.index) ? column.relation.use : undefined;
  }
  return statement.uses.find((use) => plain.has(use.index) && use.alias === ref.table!.name);
}

/** Physical names back to logical ones, for frame packets and error texts. */
export function nameMap(uses: readonly TableUse[], environment: PlanEnvironment): NameMap {
  const tables = new Map<string, string>();
  for (const use of uses) {
    if (use.meaning.kind === 'system') continue;
    for (const node of use.meaning.logical.nodes)
      if (node.table !== use.meaning.logical.name) tables.set(node.table, use.meaning.logical.name);
  }
  return { database: environment.rules.databaseName, tables };
}

/** Bytes of a text made by planning. */
export function textBytes(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}
