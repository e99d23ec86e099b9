/** Names: which table each name means, and which relation each column belongs to, through scopes as MySQL searches them. */
import type { Column } from '../catalog/index.ts';
import type {
  ColumnRef,
  DeleteStatement,
  Expression,
  QueryBody,
  QueryExpression,
  SelectBlock,
  SelectItem,
  Span,
  TableFactor,
  TableName,
  TableReference,
  UpdateStatement,
} from '../sql/index.ts';
import type {
  ColumnOrigin,
  OutputColumn,
  Relation,
  RelationColumn,
  ResolvedBlock,
  ResolvedColumn,
  ResolvedCommon,
  ResolvedQuery,
  ResolvedStatement,
  TableUse,
} from './across/types.ts';
import { isAggregate } from './function-kinds.ts';
import { isCall, visitBlock, visitNodes } from './syntax-walk.ts';
import { lookUpTable, systemSchema } from './table-lookup.ts';
import type { PlanEnvironment } from './types.ts';

/** A block while it is being resolved: the arrays of ResolvedBlock, still growing. */
interface OpenBlock extends ResolvedBlock {
  readonly relations: Relation[];
  readonly subqueries: ResolvedQuery[];
  output: OutputColumn[] | undefined;
  aggregated: boolean;
  windowed: boolean;
}

interface OpenQuery extends ResolvedQuery {
  readonly commons: ResolvedCommon[];
  readonly blocks: OpenBlock[];
  readonly others: TableUse[];
  columns: RelationColumn[] | undefined;
  correlated: boolean;
}

/** Where a column name is looked for. */
interface Scope {
  readonly block: OpenBlock;
  readonly query: OpenQuery;
  readonly outer: Scope | undefined;
  readonly commons: ReadonlyMap<string, ResolvedCommon>;
  /** Lower-cased names of columns that USING or NATURAL made one. */
  readonly merged: Set<string>;
}

type Clause = 'where' | 'group' | 'having' | 'order';

/** Resolves whole statements. One instance per statement. */
export class Resolver {
  readonly uses: TableUse[] = [];
  readonly columns = new Map<ColumnRef, ResolvedColumn>();
  readonly queries = new Map<QueryExpression, ResolvedQuery>();
  readonly blocks = new Map<SelectBlock, ResolvedBlock>();
  readonly environment: PlanEnvironment;

  constructor(environment: PlanEnvironment) {
    this.environment = environment;
  }

  /** A SELECT, or the query of INSERT ... SELECT, CREATE VIEW ... Throws MeshError for tables that do not exist. */
  query(query: QueryExpression): ResolvedStatement {
    const resolved = this.#query(query, undefined, new Map());
    return { uses: this.uses, query: resolved, columns: this.columns, queries: this.queries, blocks: this.blocks };
  }

  /** UPDATE and DELETE as if they were `SELECT ... FROM tables WHERE ...`. `extra`: expressions besides WHERE and ORDER BY. */
  write(statement: UpdateStatement | DeleteStatement, extra: readonly Expression[]): ResolvedStatement {
    const span: Span = { start: statement.start, end: statement.end };
    const select: SelectBlock = {
      ...span,
      kind: 'select',
      keyword: span,
      distinct: false,
      options: [],
      itemsSpan: span,
      items: extra.map((expression) => ({ start: expression.start, end: expression.end, expression })),
      from: statement.tables,
      ...(statement.where === undefined ? {} : { where: statement.where }),
      groupBy: [],
      rollup: false,
      windows: [],
      orderBy: statement.orderBy,
      ...(statement.limit === undefined ? {} : { limit: statement.limit }),
    };
    return this.query({ ...span, with: statement.with, recursive: false, body: select });
  }

  /** One table named outside of any query. */
  target(name: TableName): TableUse {
    return this.#use(name, name.table.name, undefined);
  }

  /** Resolves expressions that may only see `use` (INSERT values, ON DUPLICATE KEY UPDATE). */
  besides(use: TableUse, expressions: readonly Expression[], span: Span): ResolvedStatement {
    const select: SelectBlock = {
      ...span,
      kind: 'select',
      keyword: span,
      distinct: false,
      options: [],
      itemsSpan: span,
      from: [],
      groupBy: [],
      rollup: false,
      windows: [],
      orderBy: [],
      items: expressions.map((expression) => ({ start: expression.start, end: expression.end, expression })),
    };
    const query: QueryExpression = { ...span, with: [], recursive: false, body: select };
    const open = emptyQuery(query);
    const block = emptyBlock(select, undefined);
    open.blocks.push(block);
    block.relations.push({ kind: 'table', alias: use.alias, use, columns: tableColumns(use), nullable: false });
    this.blocks.set(select, block);
    const scope: Scope = { block, query: open, outer: undefined, commons: new Map(), merged: new Set() };
    this.#expressions(select.items, scope, 'where');
    return { uses: this.uses, query: open, columns: this.columns, queries: this.queries, blocks: this.blocks };
  }

  #use(name: TableName, alias: string, factor: TableReference | undefined): TableUse {
    const found = lookUpTable(name, this.environment);
    const use: TableUse = {
      index: this.uses.length,
      name,
      alias,
      factor,
      meaning: found.meaning,
      schema: found.schema,
    };
    this.uses.push(use);
    return use;
  }

  #query(
    query: QueryExpression,
    outer: Scope | undefined,
    inherited: ReadonlyMap<string, ResolvedCommon>,
  ): ResolvedQuery {
    const open = emptyQuery(query);
    this.queries.set(query, open);
    let commons = inherited;
    for (const common of query.with) {
      const inner = new Map(commons);
      const name = common.name.name;
      if (query.recursive) {
        // The name is visible in its own query; its columns are those of the first block, known once that is resolved.
        const self: ResolvedCommon = { name, query: emptyQuery(common.query), recursive: true, references: 0 };
        inner.set(name, self);
        const resolved = this.#query(common.query, outer, inner);
        const entry: ResolvedCommon = {
          name,
          query: renamed(resolved, common.columns),
          recursive: self.references > 0,
          references: self.references,
        };
        open.commons.push(entry);
        commons = new Map(commons).set(name, entry);
      } else {
        const resolved = this.#query(common.query, outer, inner);
        const entry: ResolvedCommon = {
          name,
          query: renamed(resolved, common.columns),
          recursive: false,
          references: 0,
        };
        open.commons.push(entry);
        commons = new Map(commons).set(name, entry);
      }
    }
    this.#body(query.body, open, outer, commons);
    open.columns = columnsOf(open);
    return open;
  }

  #body(
    body: QueryBody,
    query: OpenQuery,
    outer: Scope | undefined,
    commons: ReadonlyMap<string, ResolvedCommon>,
  ): void {
    switch (body.kind) {
      case 'select':
        this.#block(body, query, outer, commons);
        return;
      case 'values': {
        const block = emptyBlock(undefined as unknown as SelectBlock, outer?.block);
        this.#expressions(body.rows, { block, query, outer, commons, merged: new Set() }, 'where');
        return;
      }
      case 'tableBlock':
        query.others.push(this.#use(body.name, body.name.table.name, undefined));
        return;
      case 'setOperation': {
        this.#body(body.left, query, outer, commons);
        this.#body(body.right, query, outer, commons);
        this.#trailing(body, query, outer, commons);
        return;
      }
      case 'parenQuery': {
        const inner = this.#query(body.query, outer, commons) as OpenQuery;
        query.blocks.push(...inner.blocks);
        query.others.push(...inner.others);
        if (inner.correlated) query.correlated = true;
        this.#trailing(body, query, outer, commons);
      }
    }
  }

  /** ORDER BY after a set operation: names of result columns. */
  #trailing(
    body: { readonly orderBy: SelectBlock['orderBy'] },
    query: OpenQuery,
    outer: Scope | undefined,
    commons: ReadonlyMap<string, ResolvedCommon>,
  ): void {
    const first = query.blocks[0];
    visitBlock(
      body.orderBy,
      (node) => {
        if (node.kind !== 'column') return undefined;
        const ref = node as ColumnRef;
        const item = first?.select.items.find(
          (candidate) => itemName(candidate)?.toLowerCase() === ref.column.name.toLowerCase(),
        );
        this.columns.set(
          ref,
          item === undefined || first === undefined || ref.table !== undefined
            ? { kind: 'unknown' }
            : { kind: 'alias', block: first, item },
        );
        return undefined;
      },
      (nested) => {
        const block = first ?? emptyBlock(undefined as unknown as SelectBlock, outer?.block);
        block.subqueries.push(this.#query(nested, outer, commons));
      },
    );
  }

  #block(
    select: SelectBlock,
    query: OpenQuery,
    outer: Scope | undefined,
    commons: ReadonlyMap<string, ResolvedCommon>,
  ): void {
    const block = emptyBlock(select, outer?.block);
    query.blocks.push(block);
    this.blocks.set(select, block);
    const scope: Scope = { block, query, outer, commons, merged: new Set() };
    for (const factor of select.from) this.#factor(factor, scope, false);
    for (const factor of select.from) this.#conditions(factor, scope);
    this.#expressions(select.items, scope, 'where');
    this.#expressions(select.where, scope, 'where');
    for (const item of select.groupBy) this.#expressions(item.expression, scope, 'group');
    this.#expressions(select.having, scope, 'having');
    this.#expressions(select.windows, scope, 'where');
    for (const item of select.orderBy)
      this.#expressions(item.expression, scope, item.expression.kind === 'column' ? 'order' : 'group');
    if (select.groupBy.length > 0) block.aggregated = true;
    visitBlock(
      [select.items, select.having, select.orderBy],
      (node) => {
        if (!isCall(node)) return undefined;
        if (node.over !== undefined) block.windowed = true;
        else if (isAggregate(node.name)) block.aggregated = true;
        return undefined;
      },
      () => undefined,
    );
    block.output = outputOf(select, scope, this.columns);
  }

  #factor(factor: TableFactor, scope: Scope, nullable: boolean): void {
    const { block } = scope;
    switch (factor.kind) {
      case 'table': {
        const alias = factor.alias?.name ?? factor.name.table.name;
        const common = factor.name.schema === undefined ? scope.commons.get(factor.name.table.name) : undefined;
        if (common !== undefined) {
          common.references++;
          block.relations.push({ kind: 'common', alias, factor, common, columns: common.query.columns, nullable });
          return;
        }
        const use = this.#use(factor.name, alias, factor);
        block.relations.push({ kind: 'table', alias, use, columns: tableColumns(use), nullable });
        return;
      }
      case 'derived': {
        const query = this.#query(factor.query, factor.lateral ? scope : scope.outer, scope.commons);
        const named = renamed(query, factor.columns);
        this.queries.set(factor.query, named);
        block.relations.push({
          kind: 'derived',
          alias: factor.alias?.name ?? '',
          factor,
          query: named,
          columns: named.columns,
          nullable,
        });
        return;
      }
      case 'function':
        this.#expressions(factor.args, scope, 'where');
        block.relations.push({
          kind: 'function',
          alias: factor.alias?.name ?? factor.name,
          factor,
          columns: undefined,
          nullable,
        });
        return;
      case 'tables':
        for (const table of factor.tables) this.#factor(table, scope, nullable);
        return;
      case 'join': {
        const before = block.relations.length;
        this.#factor(factor.left, scope, nullable || factor.type === 'right' || factor.type === 'full');
        const middle = block.relations.length;
        this.#factor(factor.right, scope, nullable || factor.type === 'left' || factor.type === 'full');
        for (const column of factor.using) scope.merged.add(column.name.toLowerCase());
        if (factor.natural) {
          for (const name of commonNames(block.relations.slice(before, middle), block.relations.slice(middle)))
            scope.merged.add(name);
        }
      }
    }
  }

  #conditions(factor: TableFactor, scope: Scope): void {
    if (factor.kind === 'tables') for (const table of factor.tables) this.#conditions(table, scope);
    if (factor.kind !== 'join') return;
    this.#conditions(factor.left, scope);
    this.#conditions(factor.right, scope);
    this.#expressions(factor.on, scope, 'where');
  }

  #expressions(root: unknown, scope: Scope, clause: Clause): void {
    visitBlock(
      root,
      (node) => {
        if (node.kind === 'column') {
          const ref = node as ColumnRef;
          if (!this.columns.has(ref)) this.columns.set(ref, this.#column(ref, scope, clause));
        }
        return undefined;
      },
      (query) => {
        scope.block.subqueries.push(this.#query(query, scope, scope.commons));
      },
    );
  }

  #column(ref: ColumnRef, scope: Scope, clause: Clause): ResolvedColumn {
    const plain = ref.table === undefined;
    if (plain && clause !== 'where' && clause !== 'group') {
      const grouped =
        clause === 'having' &&
        scope.block.select.groupBy.some(
          (item) => item.expression.kind === 'column' && same(item.expression.column.name, ref.column.name),
        );
      const alias = grouped ? undefined : this.#alias(ref, scope);
      if (alias !== undefined) return alias;
    }
    const found = searchRelations(ref, scope);
    if (found.kind === 'relation' || found.kind === 'unknown') return found;
    if (plain && clause !== 'where') {
      const alias = this.#alias(ref, scope);
      if (alias !== undefined) return alias;
    }
    const crossed: OpenQuery[] = [scope.query];
    for (let outer = scope.outer; outer !== undefined; outer = outer.outer) {
      const further = searchRelations(ref, outer);
      if (further.kind !== 'missing') {
        for (const query of crossed) query.correlated = true;
        return further;
      }
      crossed.push(outer.query);
    }
    return { kind: 'missing' };
  }

  #alias(ref: ColumnRef, scope: Scope): ResolvedColumn | undefined {
    const item = scope.block.select.items.find(
      (candidate) => candidate.alias !== undefined && same(candidate.alias.name, ref.column.name),
    );
    return item === undefined ? undefined : { kind: 'alias', block: scope.block, item };
  }
}

/** Whether two column names are the same name. */
export function same(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase();
}

function emptyQuery(query: QueryExpression): OpenQuery {
  return { query, commons: [], blocks: [], others: [], columns: undefined, correlated: false };
}

function emptyBlock(select: SelectBlock, outer: ResolvedBlock | undefined): OpenBlock {
  return { select, outer, relations: [], output: undefined, subqueries: [], aggregated: false, windowed: false };
}

function tableColumns(use: TableUse): RelationColumn[] | undefined {
  return use.schema?.columns.map((column) => relationColumn(use, column));
}

function relationColumn(use: TableUse, column: Column): RelationColumn {
  return { name: column.name, origin: { use, column }, invisible: column.invisible };
}

function renamed(query: ResolvedQuery, names: readonly { readonly name: string }[]): ResolvedQuery {
  if (names.length === 0 || query.columns === undefined) return query;
  const columns = query.columns.map((column, index) => ({ ...column, name: names[index]?.name ?? column.name }));
  return { ...query, columns };
}

function columnsOf(query: OpenQuery): RelationColumn[] | undefined {
  const first = query.blocks[0];
  if (first === undefined)
    return query.others[0]?.schema?.columns
      .filter((column) => !column.invisible)
      .map((column) => relationColumn(query.others[0]!, column));
  if (first.output === undefined) return undefined;
  const alone = query.blocks.length === 1 && query.others.length === 0;
  return first.output.map((column) => ({
    name: column.name,
    origin: alone ? column.origin : undefined,
    invisible: false,
  }));
}

function commonNames(left: readonly Relation[], right: readonly Relation[]): string[] {
  const names = new Set(left.flatMap((relation) => relation.columns?.map((column) => column.name.toLowerCase()) ?? []));
  return right
    .flatMap((relation) => relation.columns?.map((column) => column.name.toLowerCase()) ?? [])
    .filter((name) => names.has(name));
}

function searchRelations(ref: ColumnRef, scope: Scope): ResolvedColumn {
  const name = ref.column.name.toLowerCase();
  let found: ResolvedColumn | undefined;
  let uncertain = false;
  for (const relation of scope.block.relations) {
    if (ref.table !== undefined && !answersTo(relation, ref)) continue;
    if (relation.columns === undefined) {
      uncertain = true;
      continue;
    }
    const column = relation.columns.find((candidate) => candidate.name.toLowerCase() === name);
    if (column === undefined) continue;
    if (found !== undefined) {
      if (scope.merged.has(name)) continue;
      return { kind: 'unknown' };
    }
    // A merged column of an outer join is a COALESCE of both sides.
    const outerMerged =
      ref.table === undefined && scope.merged.has(name) && scope.block.relations.some((other) => other.nullable);
    found = {
      kind: 'relation',
      block: scope.block,
      relation,
      name: column.name,
      origin: outerMerged ? undefined : column.origin,
    };
  }
  if (found !== undefined) return uncertain && ref.table === undefined ? { kind: 'unknown' } : found;
  return uncertain ? { kind: 'unknown' } : { kind: 'missing' };
}

function answersTo(relation: Relation, ref: ColumnRef): boolean {
  if (relation.alias !== ref.table!.name) return false;
  if (ref.schema === undefined) return true;
  if (relation.kind !== 'table') return false;
  const written = relation.use.name.schema?.name;
  const system = systemSchema(ref.schema.name);
  if (relation.use.meaning.kind === 'system') return system === relation.use.meaning.schema;
  return written === undefined || written === ref.schema.name;
}

/** The heading of a select item, where it has a name of its own. */
export function itemName(item: SelectItem): string | undefined {
  if (item.alias !== undefined) return item.alias.name;
  return item.expression.kind === 'column' ? item.expression.column.name : undefined;
}

function outputOf(
  select: SelectBlock,
  scope: Scope,
  columns: ReadonlyMap<ColumnRef, ResolvedColumn>,
): OutputColumn[] | undefined {
  const output: OutputColumn[] = [];
  for (const item of select.items) {
    const expression = item.expression;
    if (expression.kind !== 'star') {
      const origin = expression.kind === 'column' ? originOf(columns.get(expression)) : undefined;
      output.push({ name: itemName(item) ?? '', origin, invisible: false, item, relation: undefined });
      continue;
    }
    const table = expression.table;
    const relations =
      table === undefined
        ? scope.block.relations
        : scope.block.relations.filter((relation) => relation.alias === table.name);
    const expanded = table === undefined && scope.merged.size > 0 ? mergedStar(select, scope) : plainStar(relations);
    if (expanded === undefined) return undefined;
    for (const { relation, column } of expanded) output.push({ ...column, item, relation });
  }
  return output;
}

/** The base column behind a resolved column. */
export function originOf(column: ResolvedColumn | undefined): ColumnOrigin | undefined {
  return column?.kind === 'relation' ? column.origin : undefined;
}

interface StarColumn {
  readonly relation: Relation;
  readonly column: RelationColumn;
}

function plainStar(relations: readonly Relation[]): StarColumn[] | undefined {
  if (relations.length === 0 || relations.some((relation) => relation.columns === undefined)) return undefined;
  return relations.flatMap((relation) =>
    relation.columns!.filter((column) => !column.invisible).map((column) => ({ relation, column })),
  );
}

/** `*` over USING and NATURAL joins: merged columns first, then what is left of each side. */
function mergedStar(select: SelectBlock, scope: Scope): StarColumn[] | undefined {
  let next = 0;
  const expand = (factor: TableFactor): StarColumn[] | undefined => {
    if (factor.kind === 'tables') return concat(factor.tables.map(expand));
    if (factor.kind !== 'join') {
      const relation = scope.block.relations[next++]!;
      return plainStar([relation]);
    }
    const left = expand(factor.left);
    const right = expand(factor.right);
    if (left === undefined || right === undefined) return undefined;
    const names = factor.natural
      ? left
          .map((entry) => entry.column.name.toLowerCase())
          .filter((name) => right.some((entry) => entry.column.name.toLowerCase() === name))
      : factor.using.map((column) => column.name.toLowerCase());
    if (names.length === 0) return [...left, ...right];
    const [first, second] = factor.type === 'right' ? [right, left] : [left, right];
    const shared = first.filter((entry) => names.includes(entry.column.name.toLowerCase()));
    const rest = (side: readonly StarColumn[]) =>
      side.filter((entry) => !names.includes(entry.column.name.toLowerCase()));
    return [...shared, ...rest(first), ...rest(second)];
  };
  return concat(select.from.map(expand));
}

function concat(lists: readonly (StarColumn[] | undefined)[]): StarColumn[] | undefined {
  return lists.some((list) => list === undefined) ? undefined : lists.flatMap((list) => list!);
}

/** Calls `visit` for every column reference below `root`, nested queries included. */
export function visitColumns(root: unknown, visit: (ref: ColumnRef) => void): void {
  visitNodes(root, (node) => {
    if (node.kind === 'column') visit(node as unknown as ColumnRef);
    return undefined;
  });
}
