/** Asks another parser (node-sql-parser) what it believes about a statement; its known misreadings are put right first. */

import { createRequire } from 'node:module';
import { Lexer } from './lexer.ts';
import { columnPredicate, distinct, type Opinion, qualified } from './opinion.ts';
import { plainText } from './plain-text.ts';
import { statementEnd } from './statement-end.ts';
import type { LexMode, TokenList } from './tokens.ts';

/** Longer statements (lists and rows of literals counted once) get no second opinion: reading them would block too long. */
const LIMIT = 16 * 1024;

type Node = Readonly<Record<string, unknown>>;
interface OtherParser {
  parse(text: string): { readonly tableList: readonly string[]; readonly ast: unknown };
}

let parser: OtherParser | undefined;

/** The other parser, loaded when first needed: most processes start faster than it does. */
function otherParser(): OtherParser {
  if (parser === undefined) {
    const load = createRequire(import.meta.url);
    const build = load('node-sql-parser/build/mysql') as { readonly Parser: new () => OtherParser };
    parser = new build.Parser();
  }
  return parser;
}

const plainMode: LexMode = {
  charset: 'utf8',
  ansiQuotes: false,
  noBackslashEscapes: false,
  pipesAsConcat: false,
  highNotPrecedence: false,
  ignoreSpace: false,
  serverVersion: 80400,
  mariadb: false,
};

/** The other parser's belief about the first statement of `text`, read under MySQL's default modes. */
export function secondOpinion(text: string): Opinion | undefined {
  const tokens = new Lexer().lex(Buffer.from(text), plainMode);
  const end = statementEnd(tokens, 0);
  return end.certain ? secondOpinionOn(tokens, 0, end.endToken, plainMode) : undefined;
}

/**
 * The other parser's belief about the statement [first, end) of a token list. Undefined when it does not understand the
 * statement, when the statement is no SELECT, INSERT, REPLACE, UPDATE or DELETE, or when it is too long. Never throws.
 */
export function secondOpinionOn(tokens: TokenList, first: number, end: number, mode: LexMode): Opinion | undefined {
  try {
    const plain = plainText(tokens, first, end, mode, LIMIT);
    if (plain === undefined) return undefined;
    const { ast, tableList } = otherParser().parse(plain.text);
    const statement = Array.isArray(ast) ? only(ast) : asNode(ast);
    return statement === undefined ? undefined : opinionOf(statement, tableList, plain.doubtful);
  } catch {
    // Not understood, or a shape of its tree that we do not know: no opinion.
    return undefined;
  }
}

function only(list: readonly unknown[]): Node | undefined {
  return list.length === 1 ? asNode(list[0]) : undefined;
}

function asNode(value: unknown): Node | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Node) : undefined;
}

function opinionOf(statement: Node, tableList: readonly string[], doubtful: boolean): Opinion | undefined {
  const kind = statement['type'];
  if (kind !== 'select' && kind !== 'insert' && kind !== 'replace' && kind !== 'update' && kind !== 'delete') {
    return undefined;
  }
  const ignored = commonTables(statement);
  const aliases = kind === 'delete' ? fromAliases(statement) : undefined;
  const tables: string[] = [];
  let target: string | undefined;
  for (const entry of tableList) {
    const parts = entry.split('::');
    if (parts.length !== 3) return undefined;
    const [access, schema, table] = parts as [string, string, string];
    const name = qualified(schema === 'null' ? undefined : schema, table);
    if (access === 'delete' && schema === 'null' && aliases?.has(table)) continue;
    if (access === 'insert') target = name;
    if (access === 'insert' || !ignored.has(name)) tables.push(name);
  }
  const writesRows = kind === 'insert' || kind === 'replace';
  const comparable = !doubtful && !writesRows && statement['_next'] === undefined;
  const keyPredicates = comparable ? predicatesOf(statement) : undefined;
  return { kind, tables: distinct(tables), target: writesRows ? target : undefined, keyPredicates };
}

/** Names of common table expressions anywhere in the tree, and DUAL. */
function commonTables(root: Node): Set<string> {
  const names = new Set<string>(['dual', 'DUAL', 'Dual']);
  const stack: unknown[] = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (Array.isArray(node)) {
      for (const child of node) stack.push(child);
      continue;
    }
    const entries = asNode(node);
    if (entries === undefined) continue;
    if (Array.isArray(entries['with'])) {
      for (const table of entries['with']) {
        const name = asNode(table)?.['name'];
        const value = typeof name === 'string' ? name : asNode(name)?.['value'];
        if (typeof value === 'string') names.add(value);
      }
    }
    for (const child of Object.values(entries)) if (typeof child === 'object' && child !== null) stack.push(child);
  }
  return names;
}

/** Aliases of the FROM clause that are not also names of its tables. */
function fromAliases(statement: Node): Set<string> {
  const aliases = new Set<string>();
  const factors = factorsOf(statement);
  for (const factor of factors) if (typeof factor['as'] === 'string') aliases.add(factor['as']);
  for (const factor of factors) if (typeof factor['table'] === 'string') aliases.delete(factor['table']);
  return aliases;
}

function factorsOf(statement: Node): Node[] {
  const from = statement[statement['type'] === 'update' ? 'table' : 'from'];
  const factors: Node[] = [];
  for (const factor of Array.isArray(from) ? from : []) {
    const node = asNode(factor);
    if (node !== undefined) factors.push(node);
  }
  return factors;
}

function predicatesOf(statement: Node): readonly string[] | undefined {
  const found: string[] = [];
  const where = asNode(statement['where']);
  if (where !== undefined && !addConjuncts(where, found)) return undefined;
  const from = statement['from'];
  // Tables in parentheses come in another shape: not compared.
  if (typeof from === 'object' && from !== null && !Array.isArray(from)) return undefined;
  const factors = factorsOf(statement);
  const joins = factors.map((factor) => factor['join']);
  if (!factors.every(isPlainFactor)) return undefined;
  if (joins.every((join) => join === undefined || /^(INNER JOIN|CROSS JOIN|JOIN|STRAIGHT_JOIN)$/.test(String(join)))) {
    for (const factor of factors) {
      const on = asNode(factor['on']);
      if (on !== undefined && !addConjuncts(on, found)) return undefined;
    }
  }
  return distinct(found);
}

/** A table, a derived table, or DUAL. */
function isPlainFactor(factor: Node): boolean {
  return factor['table'] !== undefined || factor['type'] === 'dual' || asNode(factor['expr'])?.['ast'] !== undefined;
}

/**
 * Adds the conjuncts of a condition. The other parser gives AND and OR one precedence and marks parentheses, so the operands
 * outside of parentheses are put back in text order first: with any OR among them nothing is a conjunct. False if the
 * condition can't be judged.
 */
function addConjuncts(condition: Node, found: string[]): boolean {
  const operands: Node[] = [];
  const operators = new Set<string>();
  if (!flatten(condition, operands, operators, true)) return false;
  if (operators.has('OR')) return true;
  for (const operand of operands) {
    if (isLogical(operand)) {
      if (!addConjuncts(operand, found)) return false;
    } else {
      addPredicate(operand, found);
    }
  }
  return true;
}

function isLogical(node: Node): boolean {
  return node['type'] === 'binary_expr' && /^(AND|OR)$/.test(String(node['operator']));
}

/** Puts the operands of AND and OR outside of parentheses into text order. */
function flatten(node: Node, operands: Node[], operators: Set<string>, top: boolean): boolean {
  if (!isLogical(node) || (!top && node['parentheses'] === true)) {
    operands.push(node);
    return true;
  }
  operators.add(String(node['operator']));
  const left = asNode(node['left']);
  const right = asNode(node['right']);
  if (left === undefined || right === undefined) return false;
  return flatten(left, operands, operators, false) && flatten(right, operands, operators, false);
}

function addPredicate(node: Node, found: string[]): void {
  if (node['type'] !== 'binary_expr') return;
  const left = asNode(node['left']);
  const right = asNode(node['right']);
  if (left === undefined || right === undefined) return;
  if (node['operator'] === '=') {
    const a = columnText(left);
    const b = columnText(right);
    if (a !== undefined && b !== undefined) found.push(columnPredicate(a, b, false));
    else if (a !== undefined && isConstant(right)) found.push(columnPredicate(a, undefined, false));
    else if (b !== undefined && isConstant(left)) found.push(columnPredicate(b, undefined, false));
  } else if (node['operator'] === 'IN') {
    const a = columnText(left);
    const items = right['type'] === 'expr_list' ? right['value'] : undefined;
    if (a !== undefined && Array.isArray(items) && items.every((item) => isConstant(asNode(item)))) {
      found.push(columnPredicate(a, undefined, true));
    }
  }
}

function columnText(node: Node): string | undefined {
  if (node['type'] !== 'column_ref') return undefined;
  const column = nameText(node['column']);
  return column === undefined ? undefined : qualified(nameText(node['table']), column).toLowerCase();
}

/** A name is text, or a node whose value is text, or a node around such a node. */
function nameText(name: unknown): string | undefined {
  if (typeof name === 'string') return name;
  const node = asNode(name);
  if (node === undefined) return undefined;
  return typeof node['value'] === 'string' ? node['value'] : nameText(node['expr']);
}

function isConstant(node: Node | undefined): boolean {
  switch (node?.['type']) {
    case 'number':
    case 'bigint':
    case 'string':
    case 'single_quote_string':
    case 'double_quote_string':
    case 'bool':
    case 'boolean':
    case 'null':
      return true;
    case 'origin':
      return node['value'] === '?';
    default:
      return false;
  }
}
