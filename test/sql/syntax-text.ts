/** For tests: a syntax tree as one short line, and a text with the tree's parentheses written out. */
import {
  type Expression,
  forEachExpression,
  type Identifier,
  type LexMode,
  type Limit,
  type OrderItem,
  type ParseResult,
  parse,
  type QueryBody,
  type QueryExpression,
  type SelectItem,
  type SetItem,
  type Span,
  type Statement,
  type TableFactor,
  type TableName,
  type WalkRoot,
  type WindowSpec,
} from '../../src/sql/index.ts';
import { lexed, mariadbMode } from './lexer-cases.ts';

/** Parses one statement without a fingerprint. */
export function parsed(text: string, mode: LexMode = mariadbMode): ParseResult {
  return parse(lexed(text, mode), 0, mode);
}

/** Kinds whose meaning depends on precedence. */
const operators: ReadonlySet<string> = new Set(
  'unary binary between inList inSubquery like is collate quantified'.split(' '),
);

/** The text of `root` with parentheses around every operator. */
export function parenthesised(text: string, root: WalkRoot): string {
  const opens = new Map<number, number>();
  const closes = new Map<number, number>();
  forEachExpression(root, (node) => {
    if (!operators.has(node.kind)) return;
    opens.set(node.start, (opens.get(node.start) ?? 0) + 1);
    closes.set(node.end, (closes.get(node.end) ?? 0) + 1);
  });
  let result = '';
  for (let i = 0; i <= text.length; i++) {
    result += ')'.repeat(closes.get(i) ?? 0) + '('.repeat(opens.get(i) ?? 0) + (text[i] ?? '');
  }
  return result;
}

/** One line for a result; texts of the tests are ASCII, so byte offsets are indices. */
export function shownResult(text: string, result: ParseResult): string {
  if (!result.ok) {
    const { message, at, line, end } = result.problem;
    return `!! ${message} at ${at}${line > 1 ? ` line ${line}` : ''}${end === undefined ? ', end unknown' : `, end ${end}`}`;
  }
  const parameters = result.parameterCount > 0 ? ` params=${result.parameterCount}` : '';
  const rest = result.end < text.length ? ` end=${result.end}` : '';
  return new Shower(text).statement(result.statement) + parameters + rest;
}

class Shower {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }

  #span(span: Span): string {
    return `<${this.#text.slice(span.start, span.end)}>`;
  }

  #name(identifier: Identifier): string {
    return /^\w+$/.test(identifier.name) ? identifier.name : `\`${identifier.name}\``;
  }

  #names(names: readonly Identifier[]): string {
    return `(${names.map((name) => this.#name(name)).join(' ')})`;
  }

  #table(name: TableName): string {
    return (name.schema === undefined ? '' : `${this.#name(name.schema)}.`) + this.#name(name.table);
  }

  #list(expressions: readonly Expression[]): string {
    return expressions.map((expression) => this.expression(expression)).join(' ');
  }

  #order(items: readonly OrderItem[]): string {
    return items.map((item) => this.expression(item.expression) + (item.descending ? ' desc' : '')).join(', ');
  }

  #limit(limit: Limit): string {
    const count = limit.count === undefined ? '-' : this.expression(limit.count);
    const offset = limit.offset === undefined ? '' : ` offset ${this.expression(limit.offset)}`;
    return `${count}${offset}${limit.special === undefined ? '' : ` ${limit.special}`}`;
  }

  #items(items: readonly SelectItem[]): string {
    return items
      .map((item) => {
        const { expression, alias } = item;
        const shown = expression.kind === 'star' ? this.#star(expression) : this.expression(expression);
        return alias === undefined ? shown : `${shown} as ${this.#name(alias)}`;
      })
      .join(', ');
  }

  #star(star: { schema?: Identifier; table?: Identifier }): string {
    const parts = [star.schema, star.table].filter((part) => part !== undefined).map((part) => `${this.#name(part)}.`);
    return `${parts.join('')}*`;
  }

  #window(spec: WindowSpec): string {
    const parts = [];
    if (spec.name !== undefined) parts.push(this.#name(spec.name));
    if (spec.partitionBy.length > 0) parts.push(`partition ${this.#list(spec.partitionBy)}`);
    if (spec.orderBy.length > 0) parts.push(`order ${this.#order(spec.orderBy)}`);
    if (spec.frame !== undefined) parts.push(this.#span(spec.frame));
    return `[${parts.join('; ')}]`;
  }

  expression(node: Expression): string {
    const not = 'not' in node && node.not ? 'not-' : '';
    switch (node.kind) {
      case 'literal':
        return this.#text.slice(node.start, node.end);
      case 'parameter':
        return `?${node.index}`;
      case 'column':
        return [node.schema, node.table, node.column]
          .filter((part) => part !== undefined)
          .map((part) => this.#name(part))
          .join('.');
      case 'userVariable':
        return `@${node.name}`;
      case 'systemVariable':
        return `@@${node.scope}.${node.name}`;
      case 'assignment':
        return `(:= @${node.variable.name} ${this.expression(node.value)})`;
      case 'unary':
        return `(${node.operator} ${this.expression(node.operand)})`;
      case 'binary':
        return `(${node.operator} ${this.expression(node.left)} ${this.expression(node.right)})`;
      case 'quantified':
        return `(${node.operator} ${node.quantifier} ${this.expression(node.left)} ${this.query(node.query)})`;
      case 'between':
        return `(${not}between ${this.#list([node.operand, node.low, node.high])})`;
      case 'inList':
        return `(${not}in ${this.expression(node.operand)} [${this.#list(node.items)}] ${this.#span(node.listSpan)})`;
      case 'inSubquery':
        return `(${not}in ${this.expression(node.operand)} ${this.query(node.query)})`;
      case 'like': {
        const escaped = node.escape === undefined ? '' : ` escape ${this.expression(node.escape)}`;
        return `(${not}${node.operator} ${this.#list([node.operand, node.pattern])}${escaped})`;
      }
      case 'is':
        return `(${not}is ${node.test} ${this.expression(node.operand)})`;
      case 'case': {
        const branches = node.branches.map((b) => ` [${this.expression(b.when)} ${this.expression(b.then)}]`).join('');
        const operand = node.operand === undefined ? '' : ` ${this.expression(node.operand)}`;
        return `(case${operand}${branches}${node.otherwise === undefined ? '' : ` ${this.expression(node.otherwise)}`})`;
      }
      case 'cast':
        return `(cast ${this.expression(node.operand)} ${this.#span(node.typeSpan)})`;
      case 'collate':
        return `(collate ${this.expression(node.operand)} ${node.collation})`;
      case 'interval':
        return `(interval ${this.expression(node.value)} ${node.unit})`;
      case 'exists':
        return `(exists ${this.query(node.query)})`;
      case 'subquery':
        return this.query(node.query);
      case 'row':
        return `[${this.#list(node.items)}]`;
      case 'paren':
        return `(paren ${this.expression(node.inner)})`;
      case 'match':
        return `(match [${this.#list(node.columns)}] ${this.expression(node.against)})`;
      case 'columnValue':
        return `(${node.which}${node.column === undefined ? '' : ` ${this.expression(node.column)}`})`;
      case 'call': {
        const schema = node.schema === undefined ? '' : `${this.#name(node.schema)}.`;
        const parts = [schema + node.name + (node.bare ? '!' : '()')];
        if (node.star) parts.push('*');
        if (node.distinct) parts.push('distinct');
        if (node.args.length > 0) parts.push(this.#list(node.args));
        if (node.orderBy !== undefined) parts.push(`order ${this.#order(node.orderBy)}`);
        if (node.separator !== undefined) parts.push(`separator ${this.expression(node.separator)}`);
        if (node.limit !== undefined) parts.push(`limit ${this.#limit(node.limit)}`);
        if (node.over !== undefined) parts.push(`over ${this.#window(node.over)}`);
        return parts.length === 1 ? parts[0]! : `(${parts.join(' ')})`;
      }
    }
  }

  query(query: QueryExpression): string {
    const tables = query.with.map((table) => {
      const columns = table.columns.length > 0 ? this.#names(table.columns) : '';
      return `${this.#name(table.name)}${columns} ${this.query(table.query)}`;
    });
    const head = tables.length > 0 ? `with${query.recursive ? ' recursive' : ''} ${tables.join(', ')} ` : '';
    return `{${head}${this.#body(query.body)}}`;
  }

  #tail(body: QueryBody): string {
    let tail = '';
    if (body.orderBy.length > 0) tail += ` order ${this.#order(body.orderBy)}`;
    if (body.limit !== undefined) tail += ` limit ${this.#limit(body.limit)}`;
    if ('lock' in body && body.lock !== undefined) tail += ` lock ${body.lock.mode} ${this.#span(body.lock.span)}`;
    return tail;
  }

  #body(body: QueryBody): string {
    switch (body.kind) {
      case 'select': {
        const parts = ['select'];
        if (body.distinct) parts.push('distinct');
        parts.push(...body.options.map((option) => option.toLowerCase()), this.#items(body.items));
        if (body.from.length > 0) parts.push(`from ${this.#factors(body.from)}`);
        if (body.where !== undefined) parts.push(`where ${this.expression(body.where)}`);
        if (body.groupBy.length > 0) parts.push(`group ${this.#order(body.groupBy)}${body.rollup ? ' rollup' : ''}`);
        if (body.having !== undefined) parts.push(`having ${this.expression(body.having)}`);
        for (const { name, spec } of body.windows) parts.push(`window ${this.#name(name)} ${this.#window(spec)}`);
        const into = body.into === undefined ? '' : ` into ${body.into.kind} ${this.#span(body.into.span)}`;
        return parts.join(' ') + this.#tail(body) + into;
      }
      case 'values':
        return `values ${body.rows.map((row) => this.expression(row)).join(' ')}${this.#tail(body)}`;
      case 'tableBlock':
        return `table ${this.#table(body.name)}${this.#tail(body)}`;
      case 'setOperation': {
        const operator = body.operator.toLowerCase() + (body.all ? ' all' : '');
        return `(${operator} ${this.#body(body.left)} | ${this.#body(body.right)})${this.#tail(body)}`;
      }
      case 'parenQuery':
        return `${this.query(body.query)}${this.#tail(body)}`;
    }
  }

  #factors(factors: readonly TableFactor[]): string {
    return factors.map((factor) => this.factor(factor)).join(', ');
  }

  factor(factor: TableFactor): string {
    switch (factor.kind) {
      case 'table': {
        let shown = this.#table(factor.name);
        if (factor.partitions.length > 0) shown += ` partition ${this.#names(factor.partitions)}`;
        if (factor.special !== undefined) shown += ` special ${this.#span(factor.special)}`;
        if (factor.alias !== undefined) shown += ` as ${this.#name(factor.alias)}`;
        if (factor.indexHints !== undefined) shown += ` hints ${this.#span(factor.indexHints)}`;
        return shown;
      }
      case 'derived': {
        const alias = factor.alias === undefined ? '' : ` as ${this.#name(factor.alias)}`;
        const columns = factor.columns.length > 0 ? this.#names(factor.columns) : '';
        return `${factor.lateral ? 'lateral ' : ''}${this.query(factor.query)}${alias}${columns}`;
      }
      case 'join': {
        const on = factor.on === undefined ? '' : ` on ${this.expression(factor.on)}`;
        const using = factor.using.length > 0 ? ` using ${this.#names(factor.using)}` : '';
        const kind = (factor.natural ? 'natural-' : '') + factor.type;
        return `(${kind} ${this.factor(factor.left)} ${this.factor(factor.right)}${on}${using})`;
      }
      case 'tables':
        return `[${this.#factors(factor.tables)}]`;
      case 'function':
        return `${factor.name}(${this.#list(factor.args)})${factor.alias === undefined ? '' : ` as ${this.#name(factor.alias)}`}`;
    }
  }

  #assignments(assignments: readonly { column: Expression; value: Expression }[]): string {
    return assignments.map((a) => `${this.expression(a.column)} = ${this.expression(a.value)}`).join(', ');
  }

  #setItem(item: SetItem): string {
    const { target } = item;
    let shown: string = target.kind;
    if (target.kind === 'system') shown = `${target.scope}.${target.name}`;
    else if (target.kind === 'user') shown = `@${target.name}`;
    else if (target.kind === 'names' && target.collation !== undefined) shown = `names collate ${target.collation}`;
    else if (target.kind === 'transaction') {
      shown = ['transaction', target.scope, target.isolation, target.access]
        .filter((part) => part !== undefined)
        .join(' ');
    }
    if (item.isDefault) return `${shown} = default`;
    return item.value === undefined ? shown : `${shown} = ${this.expression(item.value)}`;
  }

  statement(node: Statement): string {
    const parts: string[] = [];
    const add = (word: string, present: boolean | undefined = true) => {
      if (present === true) parts.push(word);
    };
    switch (node.kind) {
      case 'query':
        return this.query(node.query);
      case 'insert':
        add(node.replace ? 'replace' : 'insert');
        add('ignore', node.ignore);
        add((node.priority ?? '').toLowerCase(), node.priority !== undefined);
        add(this.#table(node.table));
        add(`partition ${this.#names(node.partitions)}`, node.partitions.length > 0);
        add(
          node.columnsSpan === undefined
            ? `at ${node.columnsAt}`
            : `${this.#names(node.columns)} ${this.#span(node.columnsSpan)}`,
        );
        if (node.source.kind === 'values') {
          add(
            `values ${node.source.rows.map((row) => `[${this.#list(row.values)}]`).join(' ')} ${this.#span(node.source.span)}`,
          );
        } else if (node.source.kind === 'set') {
          add(`set ${this.#assignments(node.source.assignments)} ${this.#span(node.source.span)}`);
        } else {
          add(this.query(node.source.query));
        }
        if (node.rowAlias !== undefined)
          add(`as ${this.#name(node.rowAlias)}${this.#names(node.rowAliasColumns ?? [])}`);
        if (node.onDuplicateSpan !== undefined) add(`on-duplicate ${this.#assignments(node.onDuplicate)}`);
        if (node.returning !== undefined) add(`returning ${this.#items(node.returning.items)}`);
        break;
      case 'update':
      case 'delete':
        for (const table of node.with) add(`with ${this.#name(table.name)} ${this.query(table.query)}`);
        add(node.kind);
        add('ignore', node.ignore);
        if (node.kind === 'delete' && node.targets.length > 0)
          add(`[${node.targets.map((t) => this.#table(t)).join(' ')}]`);
        add(this.#factors(node.tables));
        if (node.kind === 'update') add(`set ${this.#assignments(node.assignments)}`);
        if (node.where !== undefined) add(`where ${this.expression(node.where)}`);
        add(`order ${this.#order(node.orderBy)}`, node.orderBy.length > 0);
        if (node.limit !== undefined) add(`limit ${this.#limit(node.limit)}`);
        if (node.kind === 'delete' && node.returning !== undefined)
          add(`returning ${this.#items(node.returning.items)}`);
        if (node.kind === 'update' && node.returning !== undefined) add(`returning ${this.#span(node.returning)}`);
        break;
      case 'ddl':
        add(`${node.verb.toLowerCase()} ${node.object.toLowerCase()}`);
        for (const flag of ['temporary', 'orReplace', 'ifExists', 'ifNotExists'] as const) add(flag, node[flag]);
        if (node.name !== undefined) add(`name ${this.#table(node.name)}`);
        add(`targets (${node.targets.map((t) => this.#table(t)).join(' ')})`, node.targets.length > 0);
        for (const { from, to } of node.renames) add(`rename ${this.#table(from)}>${this.#table(to)}`);
        add(`references (${node.references.map((t) => this.#table(t)).join(' ')})`, node.references.length > 0);
        for (const column of node.columns) {
          const flags = (['autoIncrement', 'primaryKey', 'unique'] as const)
            .filter((flag) => column[flag])
            .map((flag) => ` ${flag}`);
          const reference = column.references === undefined ? '' : ` references ${this.#table(column.references)}`;
          add(`col(${this.#name(column.name)}: ${column.type}${flags.join('')}${reference})`);
        }
        for (const { from, to } of node.renamedColumns) add(`rename-column ${this.#name(from)}>${this.#name(to)}`);
        add(`drop-columns ${this.#names(node.droppedColumns)}`, node.droppedColumns.length > 0);
        for (const key of node.uniqueKeys) add(`unique(${key.join(' ')})`);
        add(`constraints ${this.#names(node.constraintNames)}`, node.constraintNames.length > 0);
        if (node.query !== undefined) add(this.query(node.query));
        break;
      case 'set':
        add(`set ${node.items.map((item) => this.#setItem(item)).join(', ')}`);
        if (node.forStatement !== undefined) add(`for ${this.statement(node.forStatement)}`);
        break;
      case 'show':
        add(`show ${node.what}`);
        add('full', node.full);
        add('extended', node.extended);
        add(node.scope ?? '', node.scope !== undefined);
        if (node.mesh !== undefined) add(`mesh ${node.mesh.join(' ')}`);
        if (node.table !== undefined) add(`table ${this.#table(node.table)}`);
        if (node.schema !== undefined) add(`schema ${this.#name(node.schema)}`);
        if (node.like !== undefined) add(`like ${this.expression(node.like)}`);
        if (node.where !== undefined) add(`where ${this.expression(node.where)}`);
        if (node.limit !== undefined) add(`limit ${this.#limit(node.limit)}`);
        break;
      case 'transaction':
        add(node.verb);
        if (node.readOnly !== undefined) add(node.readOnly ? 'read-only' : 'read-write');
        add('snapshot', node.consistentSnapshot);
        add('chain', node.chain);
        add('release', node.release && node.verb !== 'release');
        if (node.savepoint !== undefined) add(this.#name(node.savepoint));
        break;
      case 'other':
        add(`other ${node.verb}`);
        if (node.name !== undefined) add(`name ${this.#name(node.name)}`);
        add(`tables (${node.tables.map((t) => this.#table(t)).join(' ')})`, node.tables.length > 0);
        add(`[${this.#list(node.expressions)}]`, node.expressions.length > 0);
        break;
      case 'load':
        add('load');
        add('local', node.local);
        add('replace', node.replace);
        add(this.#table(node.table));
        if (node.charset !== undefined) add(`charset ${node.charset}`);
        for (const [name, value] of [
          ['file', node.file],
          ['terminated', node.fieldsTerminated],
          ['enclosed', node.fieldsEnclosed],
          ['escaped', node.fieldsEscaped],
          ['starting', node.linesStarting],
          ['lines', node.linesTerminated],
          ['skip', node.skip?.count],
        ] as const)
          if (value !== undefined) add(`${name} ${this.expression(value)}`);
        add(
          `(${node.columns.map((column) => (column === undefined ? '@' : this.#name(column))).join(' ')})`,
          node.columnsSpan !== undefined,
        );
        add(`variables (${node.into.variables.join(' ')})`, node.into.variables.length > 0);
        for (const { column, value } of node.assignments)
          add(`set ${this.expression(column)} = ${this.expression(value)}`);
        break;
      case 'use':
        add(`use ${this.#name(node.schema)}`);
        break;
      case 'do':
        add(`do ${this.#list(node.expressions)}`);
        break;
      case 'call':
        add(`call ${this.#table(node.name)} [${this.#list(node.args)}]`);
        break;
      case 'kill':
        add(`kill ${node.target} ${this.expression(node.id)}`);
        break;
      case 'explain':
        add('explain');
        add(node.format, node.format !== '');
        add('analyze', node.analyze);
        if (node.connection !== undefined) add(`connection ${this.expression(node.connection)}`);
        if (node.statement !== undefined) add(this.statement(node.statement));
        break;
      case 'describe':
        add(`describe ${this.#table(node.table)}`);
        if (node.column !== undefined)
          add('kind' in node.column ? this.expression(node.column) : this.#name(node.column));
        break;
      case 'diagnostics':
        add('diagnostics');
        if (node.condition !== undefined) add(`condition ${this.expression(node.condition)}`);
        for (const { variable, item } of node.items) add(`@${variable.name}=${item}`);
        break;
      case 'reload':
        add('reload');
        break;
      case 'empty':
        add('empty');
        break;
    }
    return parts.join(' ');
  }
}
