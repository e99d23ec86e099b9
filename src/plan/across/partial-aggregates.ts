/** Groups that lie on several shards: each shard sends its partial groups into one temporary table, where the client's own text, with aggregates re-combined, answers. */
import type { Call, ColumnRef, Expression, SelectItem } from '../../sql/index.ts';
import { visitBlock } from '../syntax-walk.ts';
import type { BindInput, NameMap, ScratchLoad } from '../types.ts';
import { copyText, normal, pinLiterals } from './hidden-columns.ts';
import { routeTo } from './scatter.ts';
import { backtick } from './sql-name.ts';
import {
  aggregateCall,
  bare,
  hasAggregate,
  hasQuery,
  isFickle,
  isNumber,
  plainColumn,
  positionLiteral,
  readsFragile,
  sameColumn,
  soleBlock,
} from './syntax.ts';
import { digits, rawBytes, type Transfer, transferOf } from './transfer.ts';
import type {
  AcrossBuilder,
  AcrossPlan,
  ColumnOrigin,
  Edit,
  Piece,
  ResolvedBlock,
  ResolvedStatement,
  RoutedUses,
} from './types.ts';

const TABLE = '_mesh_p0';
/** A longer heading may not fit into an alias. */
const HEADING_MAX = 256;

/** A column of the partial rows. */
interface Part {
  readonly name: string;
  readonly pieces: readonly Piece[];
  readonly transfer: Transfer;
  /** Part of the shards' GROUP BY. */
  readonly grouped: boolean;
  readonly origin: ColumnOrigin | undefined;
  /** Normalised text of an expression key. */
  readonly text: string | undefined;
}

/** Thrown inside to say: not of this form. */
class NotPartial extends Error {}

/** Modes that change neither how a text is read nor the types of its expressions: the definition runs under the load's own modes. */
const harmlessModes = new Set([
  '',
  'STRICT_TRANS_TABLES',
  'STRICT_ALL_TABLES',
  'ERROR_FOR_DIVISION_BY_ZERO',
  'NO_AUTO_CREATE_USER',
  'NO_ENGINE_SUBSTITUTION',
  'NO_ZERO_DATE',
  'NO_ZERO_IN_DATE',
  'ONLY_FULL_GROUP_BY',
  'ALLOW_INVALID_DATES',
  'NO_AUTO_VALUE_ON_ZERO',
  'TRADITIONAL',
]);

/** Undefined: not of this form. */
export function planPartialAggregates(statement: ResolvedStatement, builder: AcrossBuilder): AcrossPlan | undefined {
  const block = soleBlock(statement);
  if (
    !builder.shardLocal ||
    builder.leader < 0 ||
    block === undefined ||
    block.windowed ||
    block.select.windows.length > 0
  )
    return undefined;
  const { select } = block;
  if (builder.environment.sqlMode.split(',').some((mode) => !harmlessModes.has(mode.trim().toUpperCase())))
    return undefined;
  if (
    !(block.aggregated || select.distinct) ||
    select.from.length === 0 ||
    select.lock !== undefined ||
    statement.query.query.with.length > 0
  )
    return undefined;
  if (hasQuery([select.items, select.groupBy, select.having, select.orderBy])) return undefined;
  if (isFickle([select.items, select.groupBy, select.having, select.orderBy])) return undefined;
  if (select.items.some((item) => item.expression.kind === 'star')) return undefined;
  try {
    return new PartialPlanner(statement, builder, block).plan();
  } catch (error) {
    if (error instanceof NotPartial) return undefined;
    throw error;
  }
}

class PartialPlanner {
  readonly #statement: ResolvedStatement;
  readonly #builder: AcrossBuilder;
  readonly #block: ResolvedBlock;
  readonly #parts: Part[] = [];
  readonly #edits: Edit[] = [];
  readonly #alias: string;
  /** Origins of the user's own plain group keys. */
  readonly #keys: Part[] = [];

  constructor(statement: ResolvedStatement, builder: AcrossBuilder, block: ResolvedBlock) {
    this.#statement = statement;
    this.#builder = builder;
    this.#block = block;
    const only = block.relations.length === 1 ? block.relations[0] : undefined;
    this.#alias = backtick(only === undefined ? '_mesh_p' : only.alias);
  }

  plan(): AcrossPlan {
    const { select } = this.#block;
    for (const item of select.groupBy) this.#key(item.expression);
    if (!this.#block.aggregated) {
      // DISTINCT compares the values of the items, not those of the columns in them (HEX(name) tells apart what name does not).
      if (select.having !== undefined) throw new NotPartial();
      for (const item of select.items) this.#key(item.expression as Expression);
    }
    for (const item of select.items) this.#item(item);
    for (const item of select.groupBy) this.#replace(item.expression);
    if (select.having !== undefined) this.#replace(select.having);
    for (const item of select.orderBy) this.#replace(item.expression);
    if (this.#parts.length === 0) throw new NotPartial();
    return this.#compile();
  }

  /** A select item: its expression over the partial rows, under the heading that its own text would have. */
  #item(item: SelectItem): void {
    const expression = item.expression as Expression;
    const before = this.#edits.length;
    this.#replace(expression);
    const changed = this.#edits.length > before || this.#builder.factEdits(item).length > 0;
    if (item.alias !== undefined || !changed) return;
    const inner = bare(expression);
    const end = { start: item.end, end: item.end };
    if (inner.kind === 'column')
      this.#edits.push({ at: end, pieces: [{ kind: 'text', text: ` AS ${backtick(inner.column.name)}` }] });
    else if (expression.end - expression.start > HEADING_MAX) throw new NotPartial();
    else {
      const { text } = this.#builder;
      this.#edits.push({
        at: end,
        pieces: [
          { kind: 'heading', from: text.position(expression.start, false), to: text.position(expression.end, true) },
        ],
      });
    }
  }

  /** Makes a GROUP BY expression a column of the partial rows. Positions and aliases are the select list's. */
  #key(expression: Expression): void {
    let target = expression;
    const position = positionLiteral(expression);
    if (position !== undefined) {
      const value = this.#builder.pin(position);
      const item = value.kind === 'integer' ? this.#block.select.items[Number(value.value) - 1] : undefined;
      if (item === undefined) throw new NotPartial();
      target = item.expression as Expression;
    } else if (expression.kind === 'column') {
      const resolved = this.#statement.columns.get(expression);
      if (resolved?.kind === 'alias') target = resolved.item.expression as Expression;
    }
    if (hasAggregate(target)) throw new NotPartial();
    const origin = plainColumn(target, this.#statement);
    if (origin !== undefined) {
      this.#keys.push(this.#columnPart(bare(target) as ColumnRef, origin));
      return;
    }
    if (bare(target).kind === 'column' || !pinLiterals(target, this.#builder)) throw new NotPartial();
    this.#keys.push(this.#expressionPart(target, normal(this.#builder.text.slice(bare(target)))));
  }

  #columnPart(ref: ColumnRef, origin: ColumnOrigin): Part {
    const known = this.#parts.find(
      (part) => part.grouped && part.origin !== undefined && sameColumn(part.origin, origin),
    );
    if (known !== undefined) return known;
    return this.#add(origin.column.name, this.#copy(ref), transferOf(origin.column), true, origin, undefined);
  }

  #expressionPart(expression: Expression, text: string): Part {
    const known = this.#parts.find((part) => part.grouped && part.text === text);
    return known ?? this.#add('_mesh_k', this.#copy(expression), this.#transfer(expression), true, undefined, text);
  }

  #add(
    name: string,
    pieces: readonly Piece[],
    transfer: Transfer,
    grouped: boolean,
    origin: ColumnOrigin | undefined,
    text: string | undefined,
  ): Part {
    const taken = new Set(this.#parts.map((part) => part.name.toLowerCase()));
    let unique = name;
    for (let n = 0; taken.has(unique.toLowerCase()); n += 1) unique = `_mesh_${n}_${name}`;
    const part: Part = { name: unique, pieces, transfer, grouped, origin, text };
    this.#parts.push(part);
    return part;
  }

  #copy(expression: Expression): Piece[] {
    return copyText(expression, this.#builder);
  }

  /** How the value of an expression travels. */
  #transfer(expression: Expression): Transfer {
    const origin = plainColumn(expression, this.#statement);
    if (origin !== undefined) return transferOf(origin.column);
    if (isNumber(expression, this.#statement)) return digits;
    // Its type is not known here: some types lose something as text.
    if (readsFragile(expression, this.#statement)) throw new NotPartial();
    return rawBytes;
  }

  /** Replaces group keys, aggregates and columns below an expression by columns of the partial rows. */
  #replace(expression: Expression): void {
    const inner = bare(expression);
    // Positions stay, and other constants are the same on the copies.
    if (inner.kind === 'literal') return;
    const text = normal(this.#builder.text.slice(inner));
    const key = inner.kind === 'column' ? undefined : this.#keys.find((part) => part.text === text);
    if (key !== undefined && pinLiterals(inner, this.#builder)) {
      this.#put(inner, [this.#reference(key)]);
      return;
    }
    const call = aggregateCall(inner);
    if (call !== undefined) {
      this.#aggregate(call);
      return;
    }
    if (inner.kind === 'column') {
      this.#column(inner);
      return;
    }
    for (const child of childExpressions(inner)) this.#replace(child);
  }

  #column(ref: ColumnRef): void {
    const resolved = this.#statement.columns.get(ref);
    if (resolved?.kind === 'alias') return;
    if (resolved?.kind !== 'relation' || resolved.origin === undefined) throw new NotPartial();
    const { origin } = resolved;
    const isKey = this.#keys.some((part) => part.origin !== undefined && sameColumn(part.origin, origin));
    // A column that is no key: any row's value, which only a relaxed server gives without knowing the table's keys.
    if (!isKey && this.#block.aggregated && /ONLY_FULL_GROUP_BY|ANSI/i.test(this.#builder.environment.sqlMode))
      throw new NotPartial();
    if (!isKey && (!this.#block.aggregated || this.#keys.length === 0)) throw new NotPartial();
    this.#put(ref, [this.#reference(this.#columnPart(ref, origin))]);
  }

  #aggregate(call: Call): void {
    const argument = call.args[0];
    const { name } = call;
    const extreme = name === 'MIN' || name === 'MAX';
    if (call.orderBy !== undefined || call.limit !== undefined) throw new NotPartial();
    if (call.distinct && !extreme) {
      if (name !== 'COUNT' && name !== 'SUM' && name !== 'AVG') throw new NotPartial();
      const parts = call.args.map((arg) => {
        const origin = plainColumn(arg, this.#statement);
        if (origin !== undefined) return this.#columnPart(bare(arg) as ColumnRef, origin);
        if (!pinLiterals(arg, this.#builder)) throw new NotPartial();
        return this.#expressionPart(arg, normal(this.#builder.text.slice(bare(arg))));
      });
      const list = parts.map((part) => this.#column_(part)).join(', ');
      this.#put(call, [{ kind: 'text', text: `${name}(DISTINCT ${list})` }]);
      return;
    }
    if (!call.star && call.args.length !== 1) throw new NotPartial();
    switch (name) {
      case 'COUNT': {
        const part = this.#add('_mesh_c', this.#copy(call), digits, false, undefined, undefined);
        this.#put(call, [{ kind: 'text', text: `CAST(IFNULL(SUM(${this.#column_(part)}), 0) AS SIGNED)` }]);
        return;
      }
      case 'SUM':
      case 'BIT_AND':
      case 'BIT_OR':
      case 'BIT_XOR': {
        const part = this.#add('_mesh_a', this.#copy(call), digits, false, undefined, undefined);
        this.#put(call, [{ kind: 'text', text: `${name}(${this.#column_(part)})` }]);
        return;
      }
      case 'AVG': {
        const text = this.#copy(argument!);
        const sum = this.#add(
          '_mesh_s',
          [{ kind: 'text', text: 'SUM(' }, ...text, { kind: 'text', text: ')' }],
          digits,
          false,
          undefined,
          undefined,
        );
        const count = this.#add(
          '_mesh_n',
          [{ kind: 'text', text: 'COUNT(' }, ...text, { kind: 'text', text: ')' }],
          digits,
          false,
          undefined,
          undefined,
        );
        this.#put(call, [
          { kind: 'text', text: `(SUM(${this.#column_(sum)})/NULLIF(SUM(${this.#column_(count)}), 0))` },
        ]);
        return;
      }
      case 'MIN':
      case 'MAX': {
        const origin = plainColumn(argument!, this.#statement);
        const transfer = origin === undefined ? this.#transfer(argument!) : extremeTransfer(origin);
        const part = this.#add('_mesh_m', this.#copy(call), transfer, false, undefined, undefined);
        this.#put(call, [{ kind: 'text', text: `${name}(${this.#column_(part)})` }]);
        return;
      }
      default:
        throw new NotPartial();
    }
  }

  #column_(part: Part): string {
    return `${this.#alias}.${backtick(part.name)}`;
  }

  #reference(part: Part): Piece {
    return { kind: 'text', text: this.#column_(part) };
  }

  #put(at: Expression, pieces: readonly Piece[]): void {
    this.#edits.push({ at: { start: at.start, end: at.end }, pieces });
  }

  #compile(): AcrossPlan {
    const builder = this.#builder;
    const statement = this.#statement;
    const { select } = this.#block;
    const parts = this.#parts;
    const from = { start: select.from[0]!.start, end: Math.max(select.where?.end ?? 0, select.from.at(-1)!.end) };
    this.#edits.push({ at: from, pieces: [{ kind: 'text', text: `${backtick(TABLE)} AS ${this.#alias}` }] });
    const replaced = this.#edits.map((edit) => edit.at).filter((span) => span.end > span.start);
    const facts = builder
      .factEdits(statement.query.query)
      .filter((edit) => !replaced.some((span) => edit.at.start >= span.start && edit.at.end <= span.end));
    const final = builder.text.whole([...this.#edits, ...facts]);

    const partial: Piece[] = [{ kind: 'text', text: 'SELECT ' }];
    parts.forEach((part, index) => {
      if (index > 0) partial.push({ kind: 'text', text: ', ' });
      partial.push(...part.pieces, { kind: 'text', text: ` AS ${backtick(part.name)}` });
    });
    partial.push({ kind: 'text', text: ' FROM ' }, ...copyText(from, builder));
    const grouped = parts.flatMap((part, index) => (part.grouped ? [index + 1] : []));
    if (grouped.length > 0) partial.push({ kind: 'text', text: ` GROUP BY ${grouped.join(', ')}` });
    const define = builder.text.compose([
      { kind: 'text', text: `CREATE TEMPORARY TABLE ${backtick(TABLE)} AS ` },
      ...partial,
      { kind: 'text', text: ' LIMIT 0' },
    ]);
    const outer = parts
      .map((part) => `${part.transfer.before}\`p\`.${backtick(part.name)}${part.transfer.after}`)
      .join(', ');
    const query = builder.text.compose([
      { kind: 'text', text: `SELECT ${outer} FROM (` },
      ...partial,
      { kind: 'text', text: ') AS `p`' },
    ]);
    const columns = parts.map((part) => part.name);
    const loads: ScratchLoad[] = parts.map((part) => part.transfer.load);
    const logical =
      this.#block.relations[0]?.kind === 'table'
        ? this.#block.relations[0].use.name.table.name
        : this.#block.relations[0]!.alias;
    const names: NameMap = {
      database: builder.names.database,
      tables: new Map(builder.names.tables).set(TABLE, logical),
    };

    return {
      weight: 800 + (final.pieces.length + query.pieces.length + define.pieces.length) * 100,
      bind(input: BindInput, routed: RoutedUses) {
        const nodes = routed.nodesOf(builder.leader);
        const places = builder.places(builder.leader, nodes.length === 0 ? [0] : nodes);
        const first = places[0]!;
        const defined = builder.query(define, input, first);
        return {
          kind: 'scratch',
          route: routeTo(places, nodes.length, statement, builder, routed),
          scratch: {
            source: first.source,
            feeds: [
              {
                name: TABLE,
                define: { text: defined.text, parameters: defined.parameters },
                columns,
                loads,
                rows: { kind: 'queries', queries: places.map((place) => builder.query(query, input, place)) },
              },
            ],
            final: builder.query(final, input, first),
          },
          names,
        };
      },
    };
  }
}

/** MIN and MAX of a column have the column's type, but for ENUM and SET, which may become strings. */
function extremeTransfer(origin: ColumnOrigin): Transfer {
  const { dataType } = origin.column;
  return dataType === 'enum' || dataType === 'set' ? rawBytes : transferOf(origin.column);
}

/** The operands of a node, nested queries left out (there are none here). */
function childExpressions(root: Expression): Expression[] {
  const children: Expression[] = [];
  const own = root as unknown as Record<string, unknown>;
  for (const key in own) {
    visitBlock(
      own[key],
      (node) => {
        children.push(node as unknown as Expression);
        return false;
      },
      () => undefined,
    );
  }
  return children;
}
