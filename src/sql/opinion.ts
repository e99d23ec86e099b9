/** What a parser believes about a statement, reduced to what two parsers can be compared by; and our own parser's belief. */

import type { Expression, Statement, TableFactor } from './ast.ts';

/** A belief about a DML statement. */
export interface Opinion {
  readonly kind: 'select' | 'insert' | 'replace' | 'update' | 'delete';
  /** Every table named anywhere, `schema.table` or `table` as written, once each, without common table expressions and DUAL. */
  readonly tables: readonly string[];
  /** The table that INSERT or REPLACE writes; undefined for other statements. */
  readonly target: string | undefined;
  /**
   * The conjuncts of the outermost WHERE, and of ON where all joins are inner, that compare a column with a constant
   * (`t.c=`), a list of constants (`t.c in`) or a column (`a.x=b.y`): lower-cased, sorted, once each. Undefined when this
   * can't be compared for this statement.
   */
  readonly keyPredicates: readonly string[] | undefined;
}

/** A conjunct's text for `Opinion.keyPredicates`. */
export function columnPredicate(column: string, other: string | undefined, list: boolean): string {
  if (other !== undefined) return column < other ? `${column}=${other}` : `${other}=${column}`;
  return list ? `${column} in` : `${column}=`;
}

/** Sorted, each once. */
export function distinct(values: Iterable<string>): readonly string[] {
  return [...new Set(values)].sort();
}

/** What our own parser believes; undefined for statements that are not compared. */
export function ownOpinion(statement: Statement): Opinion | undefined {
  switch (statement.kind) {
    case 'query': {
      let query = statement.query;
      while (query.body.kind === 'parenQuery') query = query.body.query;
      const { body } = query;
      const block = body.kind === 'select' ? body : undefined;
      const keyPredicates = block === undefined ? undefined : predicatesOf(block.from, block.where);
      return { kind: 'select', tables: tablesOf(statement), target: undefined, keyPredicates };
    }
    case 'insert': {
      const { schema, table } = statement.table;
      const target = qualified(schema?.name, table.name);
      const kind = statement.replace ? 'replace' : 'insert';
      return { kind, tables: tablesOf(statement), target, keyPredicates: undefined };
    }
    case 'update':
    case 'delete': {
      const keyPredicates = predicatesOf(statement.tables, statement.where);
      return { kind: statement.kind, tables: tablesOf(statement), target: undefined, keyPredicates };
    }
    default:
      return undefined;
  }
}

/** `schema.table`, or the table alone. */
export function qualified(schema: string | undefined, table: string): string {
  return schema === undefined ? table : `${schema}.${table}`;
}

/** Every table under a node of our tree. The tree is plain data, so it is walked as such. */
function tablesOf(root: Statement): readonly string[] {
  const names: string[] = [];
  const common = new Set<string>(['dual', 'DUAL', 'Dual']);
  const stack: unknown[] = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (Array.isArray(node)) {
      for (const child of node) stack.push(child);
      continue;
    }
    if (typeof node !== 'object' || node === null) continue;
    const entries = node as Record<string, unknown>;
    const named = tableIn(entries);
    if (named !== undefined) names.push(named);
    if (Array.isArray(entries['with'])) {
      for (const table of entries['with'] as { name: { name: string } }[]) common.add(table.name.name);
    }
    for (const key of Object.keys(entries)) {
      // What a multi-table DELETE deletes from stands in `tables` too, where it is no alias.
      if (key === 'targets') continue;
      const child = entries[key];
      if (typeof child === 'object' && child !== null) stack.push(child);
    }
  }
  return distinct(names.filter((name) => !common.has(name)));
}

function tableIn(node: Record<string, unknown>): string | undefined {
  type Name = { schema?: { name: string }; table: { name: string } };
  let name: Name | undefined;
  if (node['kind'] === 'table' || node['kind'] === 'tableBlock') name = node['name'] as Name;
  else if (node['kind'] === 'insert') name = node['table'] as Name;
  return name === undefined ? undefined : qualified(name.schema?.name, name.table.name);
}

function predicatesOf(from: readonly TableFactor[], where: Expression | undefined): readonly string[] {
  const found: string[] = [];
  if (where !== undefined) addConjuncts(where, found);
  const conditions: Expression[] = [];
  if (from.every((factor) => innerConditions(factor, conditions))) {
    for (const condition of conditions) addConjuncts(condition, found);
  }
  return distinct(found);
}

/** Collects ON conditions; false if any join is not inner. */
function innerConditions(factor: TableFactor, conditions: Expression[]): boolean {
  if (factor.kind === 'tables') return factor.tables.every((table) => innerConditions(table, conditions));
  if (factor.kind !== 'join') return true;
  if (factor.type !== 'inner') return false;
  if (factor.on !== undefined) conditions.push(factor.on);
  return innerConditions(factor.left, conditions) && innerConditions(factor.right, conditions);
}

function addConjuncts(expression: Expression, found: string[]): void {
  const node = bare(expression);
  if (node.kind === 'binary') {
    if (node.operator === 'AND') {
      addConjuncts(node.left, found);
      addConjuncts(node.right, found);
    } else if (node.operator === '=') {
      const left = columnText(node.left);
      const right = columnText(node.right);
      if (left !== undefined && right !== undefined) found.push(columnPredicate(left, right, false));
      else if (left !== undefined && isConstant(node.right)) found.push(columnPredicate(left, undefined, false));
      else if (right !== undefined && isConstant(node.left)) found.push(columnPredicate(right, undefined, false));
    }
  } else if (node.kind === 'inList' && !node.not && node.items.every(isConstant)) {
    const column = columnText(node.operand);
    if (column !== undefined) found.push(columnPredicate(column, undefined, true));
  }
}

function bare(expression: Expression): Expression {
  while (expression.kind === 'paren') expression = expression.inner;
  return expression;
}

function columnText(expression: Expression): string | undefined {
  const node = bare(expression);
  return node.kind === 'column' ? qualified(node.table?.name, node.column.name).toLowerCase() : undefined;
}

function isConstant(expression: Expression): boolean {
  const node = bare(expression);
  if (node.kind === 'literal' || node.kind === 'parameter') return true;
  if (node.kind !== 'unary' || (node.operator !== '-' && node.operator !== '+')) return false;
  const { operand } = node;
  return operand.kind === 'literal' && /^(integer|decimal|float)$/.test(operand.literalKind);
}

/**
 * The first thing on which two opinions differ, in words, or undefined when they agree. Kinds and tables are always compared,
 * predicates only if both sides have them.
 */
export function compareOpinion(ours: Opinion, theirs: Opinion): string | undefined {
  if (ours.kind !== theirs.kind) return `statement kind: ${ours.kind} or ${theirs.kind}`;
  if (ours.target !== theirs.target) return `target table: ${ours.target ?? 'none'} or ${theirs.target ?? 'none'}`;
  const tables = difference(ours.tables, theirs.tables);
  if (tables !== undefined) return `tables: ${tables}`;
  if (ours.keyPredicates === undefined || theirs.keyPredicates === undefined) return undefined;
  const predicates = difference(ours.keyPredicates, theirs.keyPredicates);
  return predicates === undefined ? undefined : `predicates: ${predicates}`;
}

function difference(ours: readonly string[], theirs: readonly string[]): string | undefined {
  const onlyOurs = ours.filter((name) => !theirs.includes(name));
  const onlyTheirs = theirs.filter((name) => !ours.includes(name));
  if (onlyOurs.length === 0 && onlyTheirs.length === 0) return undefined;
  const parts: string[] = [];
  if (onlyOurs.length > 0) parts.push(`only the first reading has ${onlyOurs.join(', ')}`);
  if (onlyTheirs.length > 0) parts.push(`only the second reading has ${onlyTheirs.join(', ')}`);
  return parts.join('; ');
}
