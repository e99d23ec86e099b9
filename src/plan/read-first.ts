/** UPDATE and DELETE whose IN subquery needs rows of other nodes: the subquery runs first, and its values take its place. */
import { Buffer } from 'node:buffer';
import { MeshError } from '../base/index.ts';
import type { Expression, InSubquery } from '../sql/index.ts';
import type { ColumnOrigin, ResolvedStatement } from './across/types.ts';
import { bindText } from './compile.ts';
import { strip } from './parentheses.ts';
import type { PlanBuilder } from './plan-builder.ts';
import { originOf } from './resolve.ts';
import { offsetOf, type Position } from './rewrite.ts';
import { visitNodes } from './syntax-walk.ts';
import type { Action, BindInput, ShardQuery } from './types.ts';

/** More values than this are refused: the list would become a text of megabytes for every node. */
const VALUES_MAX = 50_000;

type Row = readonly (Uint8Array | null)[];

export class ReadFirst {
  readonly #builder: PlanBuilder;
  readonly #from: Position;
  readonly #to: Position;
  readonly #inner: readonly number[];
  readonly #outer: readonly number[];
  readonly #quoted: boolean;

  private constructor(node: InSubquery, quoted: boolean, builder: PlanBuilder) {
    this.#builder = builder;
    this.#quoted = quoted;
    this.#from = builder.text.position(node.query.start, false);
    this.#to = builder.text.position(node.query.end, true);
    this.#inner = builder.text.parametersIn(node.query.start, node.query.end);
    const count = builder.text.fingerprint.parameterCount;
    this.#outer = Array.from({ length: count }, (_, index) => index).filter((index) => !this.#inner.includes(index));
  }

  /** The first subquery of a WHERE that can be read on its own; undefined if there is none. */
  static of(where: Expression | undefined, statement: ResolvedStatement, builder: PlanBuilder): ReadFirst | undefined {
    let found: ReadFirst | undefined;
    visitNodes(where, (node) => {
      if (found !== undefined) return false;
      if (node.kind !== 'inSubquery') return undefined;
      const subquery = node as unknown as InSubquery;
      const query = statement.queries.get(subquery.query);
      const operand = strip(subquery.operand);
      const left = operand.kind === 'column' ? originOf(statement.columns.get(operand)) : undefined;
      const right = query?.columns?.length === 1 ? query.columns[0]!.origin : undefined;
      if (query === undefined || query.correlated || left === undefined || right === undefined) return false;
      const quoted = listForm(left, right);
      if (quoted !== undefined) found = new ReadFirst(subquery, quoted, builder);
      return false;
    });
    return found;
  }

  /** Parameters outside of the subquery: the second step has none, so it cannot run. */
  get blocked(): boolean {
    return this.#outer.length > 0;
  }

  /** Reads, then plans the statement anew with the values in place of the subquery. */
  async bind(input: BindInput): Promise<Action> {
    const { tokens, fingerprint } = input;
    const [from, to] = [offsetOf(this.#from, tokens, fingerprint), offsetOf(this.#to, tokens, fingerprint)];
    const start = tokens.starts[fingerprint.firstToken]!;
    const end = tokens.ends[fingerprint.endToken - 1]!;
    // Copies: the lexer reads other texts before the rows are here.
    const before = Buffer.from(tokens.text.subarray(start, from));
    const after = Buffer.from(tokens.text.subarray(to, end));
    const read = renumbered(
      await bindText(Buffer.from(tokens.text.subarray(from, to)), this.#builder, input, this.#inner),
      this.#inner,
    );
    if (read.kind === 'refuse') return read;
    return {
      kind: 'insertSelect',
      read,
      insert: async (rows) => {
        const text = Buffer.concat([before, this.#list(rows), after]);
        return renumbered(await bindText(text, this.#builder, input, this.#outer), this.#outer);
      },
    };
  }

  #list(rows: readonly Row[]): Buffer {
    if (rows.length > VALUES_MAX)
      throw new MeshError('SM_UNSUPPORTED', {
        what: `a subquery of ${rows.length} values`,
        reason: `at most ${VALUES_MAX} are carried to other nodes`,
      });
    if (rows.length === 0) return Buffer.from('SELECT NULL FROM DUAL WHERE FALSE');
    const backslash = !this.#builder.environment.mode.noBackslashEscapes;
    const values = new Set<string>();
    for (const [cell] of rows) {
      if (cell === null || cell === undefined) values.add('NULL');
      else {
        const text = Buffer.from(cell).toString('utf8');
        const doubled = text.replaceAll("'", "''");
        values.add(this.#quoted ? `'${backslash ? doubled.replaceAll('\\', '\\\\') : doubled}'` : text);
      }
    }
    return Buffer.from([...values].join(', '), 'utf8');
  }
}

const numeric = new Set(['tinyint', 'smallint', 'mediumint', 'int', 'integer', 'bigint', 'decimal']);
const texts = new Set(['char', 'varchar']);
const times = new Set(['date', 'datetime']);

/** Whether values are written as strings; undefined: a list would not compare as the subquery does. */
function listForm(left: ColumnOrigin, right: ColumnOrigin): boolean | undefined {
  const [a, b] = [left.column, right.column];
  if (numeric.has(a.dataType) && numeric.has(b.dataType)) return false;
  if (texts.has(a.dataType) && texts.has(b.dataType) && a.collation === b.collation && a.charset?.startsWith('utf8'))
    return true;
  return times.has(a.dataType) && a.dataType === b.dataType ? true : undefined;
}

/** Parameter numbers of a part of the statement as those of the client's whole statement. */
function renumbered(action: Action, numbers: readonly number[]): Action {
  if (numbers.length === 0 && (action.kind === 'refuse' || !needsNumbers(action))) return action;
  const one = (query: ShardQuery): ShardQuery => ({
    ...query,
    parameters: query.parameters === undefined ? numbers : query.parameters.map((index) => numbers[index]!),
  });
  switch (action.kind) {
    case 'forward':
      return { ...action, query: one(action.query) };
    case 'scatter':
    case 'write':
      return { ...action, queries: action.queries.map(one) };
    case 'scratch': {
      const feeds = action.scratch.feeds.map((feed) => ({
        ...feed,
        define: {
          ...feed.define,
          parameters:
            feed.define.parameters === undefined ? numbers : feed.define.parameters.map((index) => numbers[index]!),
        },
        rows:
          feed.rows.kind === 'queries' ? { kind: 'queries' as const, queries: feed.rows.queries.map(one) } : feed.rows,
      }));
      return { ...action, scratch: { ...action.scratch, feeds, final: one(action.scratch.final) } };
    }
    case 'insertSelect':
      return {
        kind: 'insertSelect',
        read: renumbered(action.read, numbers),
        insert: async (rows) => renumbered(await action.insert(rows), numbers),
      };
    default:
      return action;
  }
}

/** Without parameters in this part, `undefined` would mean all parameters of the client. */
function needsNumbers(action: Action): boolean {
  return (
    action.kind === 'forward' ||
    action.kind === 'scatter' ||
    action.kind === 'write' ||
    action.kind === 'scratch' ||
    action.kind === 'insertSelect'
  );
}
