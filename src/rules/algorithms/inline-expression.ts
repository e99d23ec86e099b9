/** INLINE, COMPLEX_INLINE and HINT_INLINE: the target's name is what an inline expression gives. */
import { compileText, type TextOf } from '../inline/compile.ts';
import { ExpressionError } from '../inline/expression.ts';
import { parseTemplate } from '../inline/parser.ts';
import type { InlineValue } from '../inline/values.ts';
import { variablesOf } from '../inline/variables.ts';
import type {
  BoundAlgorithm,
  BoundComplexAlgorithm,
  BoundHintAlgorithm,
  KeyRange,
  KeyValue,
  Placement,
  TargetSet,
} from '../types.ts';
import type { AlgorithmKind } from './algorithm-kind.ts';
import type { PropertyReader } from './properties.ts';
import { targetList } from './target-list.ts';

/** Ranges of at most this many whole numbers are tried one by one; wider ones reach all targets. */
const RANGE_TRIED_MAX = 64n;

/** algorithm-expression, with the sharding column as its only name. allow-range-query-with-inline-sharding is read, but ranges are always answered. */
export const inline: AlgorithmKind = {
  type: 'INLINE',
  properties: ['algorithm-expression', 'allow-range-query-with-inline-sharding'],
  create(reader) {
    reader.boolean('allow-range-query-with-inline-sharding', false);
    const { variables, compile } = readExpression(reader, reader.text('algorithm-expression'));
    return {
      targetCount: undefined,
      variables,
      bind: (targets) => bindInline(targets, compile(variables), variables.length),
    };
  },
};

export const complexInline = {
  type: 'COMPLEX_INLINE' as const,
  properties: ['algorithm-expression', 'sharding-columns', 'allow-range-query-with-inline-sharding'],
  /** `columns` undefined: any names (checked against the strategy's columns). */
  create(reader: PropertyReader): {
    readonly variables: readonly string[];
    bind(targets: readonly string[], columns: readonly string[]): BoundComplexAlgorithm;
  } {
    reader.boolean('allow-range-query-with-inline-sharding', false);
    reader.text('sharding-columns', '-');
    const { variables, compile } = readExpression(reader, reader.text('algorithm-expression'));
    return {
      variables: variables.map((name) => name.toLowerCase()),
      bind(targets, columns) {
        const keys = columns.map((column) => column.toLowerCase());
        const positions = variables.map((name) => keys.indexOf(name.toLowerCase()));
        const textOf = compile(variables);
        const indexes = indexesOf(targets);
        return {
          placeRow(values) {
            const row: InlineValue[] = [];
            for (const position of positions) {
              const value = position < 0 ? undefined : inlineValue(values[position]!);
              if (value === undefined) return 'unknown';
              row.push(value);
            }
            if (values.some((value) => value.kind === 'null')) return 'unknown';
            return placed(textOf, row, indexes);
          },
        };
      },
    };
  },
};

/** algorithm-expression with the name `value`, the hint's text; default `${value}`. */
export const hintInline = {
  type: 'HINT_INLINE' as const,
  properties: ['algorithm-expression'],
  create(reader: PropertyReader): { bind(targets: readonly string[]): BoundHintAlgorithm } {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is an inline expression
    const { variables, compile } = readExpression(reader, reader.text('algorithm-expression', '${value}'));
    const wrong = variables.find((name) => name !== 'value');
    if (wrong !== undefined)
      reader.report('algorithm-expression', `name '${wrong}' is not known`, "the only name is 'value'");
    return {
      bind(targets) {
        const textOf = compile(['value']);
        const indexes = indexesOf(targets);
        return {
          placeHint: (value) => placed(textOf, [/^-?\d{1,19}$/.test(value) ? BigInt(value) : value], indexes),
        };
      },
    };
  },
};

function readExpression(
  reader: PropertyReader,
  text: string,
): { variables: readonly string[]; compile(variables: readonly string[]): TextOf } {
  try {
    const template = parseTemplate(text, 'any');
    const variables = variablesOf(template).map((use) => use.name);
    return { variables, compile: (names) => compileText(template, names) };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    reader.report('algorithm-expression', error.message, error.suggestion, error.at);
    return { variables: [], compile: () => () => '' };
  }
}

function bindInline(targets: readonly string[], textOf: TextOf, variableCount: number): BoundAlgorithm {
  const indexes = indexesOf(targets);
  return { placeValue, placeRange };

  function placeValue(value: KeyValue): Placement {
    const single = inlineValue(value);
    if (single === undefined) return 'unknown';
    // The same column may be spelt twice (Id, id): each spelling is a variable with the same value.
    return placed(textOf, variableCount <= 1 ? [single] : Array.from({ length: variableCount }, () => single), indexes);
  }

  function placeRange(range: KeyRange): TargetSet {
    if (range.low?.kind !== 'integer' || range.high?.kind !== 'integer') return 'all';
    const first = range.lowInclusive ? range.low.value : range.low.value + 1n;
    const last = range.highInclusive ? range.high.value : range.high.value - 1n;
    if (last - first >= RANGE_TRIED_MAX) return 'all';
    const placements: Placement[] = [];
    for (let value = first; value <= last; value++) placements.push(placeValue({ kind: 'integer', value }));
    return targetList(placements);
  }
}

function indexesOf(targets: readonly string[]): ReadonlyMap<string, number> {
  return new Map(targets.map((target, index) => [target, index]));
}

function placed(textOf: TextOf, row: readonly InlineValue[], indexes: ReadonlyMap<string, number>): Placement {
  try {
    return indexes.get(textOf(row)) ?? 'unknown';
  } catch (error) {
    if (error instanceof ExpressionError) return 'unknown';
    throw error;
  }
}

/** Whole numbers as numbers, text and times as text; NULL, bytes and fractions have no place. */
function inlineValue(value: KeyValue): InlineValue | undefined {
  switch (value.kind) {
    case 'integer':
      return value.value;
    case 'decimal':
      return /^-?\d+$/.test(value.text) ? BigInt(value.text) : undefined;
    case 'string':
    case 'temporal':
      return value.text;
    case 'bytes':
    case 'null':
      return undefined;
  }
}
