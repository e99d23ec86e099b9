/** One strategy of a table: exactly one kind, its columns, its algorithm. */
import type { ShardingAlgorithm, ShardingStrategy } from '../types.ts';
import { readAlgorithm } from './named-parts.ts';
import type { AlgorithmEntry, Strategy } from './rules-schema.ts';
import type { Path, YamlFile } from './yaml-file.ts';

export interface StrategyScope {
  readonly yaml: YamlFile;
  readonly algorithms: ReadonlyMap<string, ShardingAlgorithm>;
  /** All names in the file, also of algorithms with problems; undefined: they cannot be judged. */
  readonly algorithmNames: readonly string[] | undefined;
  readonly defaultColumn: string | undefined;
}

const kinds = ['standard', 'complex', 'hint', 'none'] as const;

/** Undefined after a problem. `targetCount`: how many targets it must choose from; more than one without strategy is a problem. */
export function readStrategy(
  scope: StrategyScope,
  own: Strategy | undefined,
  ownPath: Path,
  fallback: Strategy | undefined,
  fallbackPath: Path,
  targetCount: number,
): ShardingStrategy | undefined {
  const { yaml } = scope;
  const strategy = own ?? fallback;
  const path = own === undefined ? fallbackPath : ownPath;
  const given = strategy === undefined ? [] : kinds.filter((kind) => strategy[kind] !== undefined);
  if (given.length > 1) {
    yaml.report(path, 'SM_WRONG_STRATEGY', `a strategy has one kind, not ${given.join(' and ')}`);
    return undefined;
  }
  const kind = given[0];
  if (kind === undefined && own !== undefined) {
    yaml.report(path, 'SM_WRONG_STRATEGY', `a strategy needs one of ${kinds.join(', ')}`);
    return undefined;
  }
  if (strategy === undefined || kind === undefined || kind === 'none') {
    if (targetCount > 1) {
      yaml.report(
        strategy === undefined ? ownPath.slice(0, -1) : path,
        'SM_WRONG_STRATEGY',
        `there are ${targetCount} ${ownPath.at(-1) === 'databaseStrategy' ? 'sources' : 'tables'} to choose from, but no strategy chooses`,
        {
          suggestion: `add ${String(ownPath.at(-1))}`,
          atKey: true,
        },
      );
      return undefined;
    }
    return none;
  }
  const entry = strategy[kind]!;
  const algorithm = algorithmOf(scope, entry, [...path, kind]);
  const column = kind === 'standard' ? (strategy.standard!.shardingColumn ?? scope.defaultColumn) : undefined;
  if (kind === 'standard' && column === undefined)
    yaml.report([...path, kind], 'SM_MISSING_KEY', "key 'shardingColumn' is missing", {
      suggestion: 'or set defaultShardingColumn',
      atKey: true,
    });
  if (algorithm === undefined) return undefined;
  const wrongKind = (): undefined => {
    yaml.report(
      [...path, kind, entry.shardingAlgorithm === undefined ? 'shardingAlgorithmName' : 'shardingAlgorithm'],
      'SM_WRONG_STRATEGY',
      `${algorithm.type} is no algorithm for a ${kind} strategy`,
    );
    return undefined;
  };
  switch (kind) {
    case 'standard': {
      if (algorithm.kind !== 'standard' && algorithm.kind !== 'lookup') return wrongKind();
      if (column === undefined) return undefined;
      if (column.includes(',')) {
        yaml.report([...path, kind, 'shardingColumn'], 'SM_WRONG_STRATEGY', 'a standard strategy has one column', {
          suggestion: 'use complex with shardingColumns',
        });
        return undefined;
      }
      const wrong =
        algorithm.kind === 'standard'
          ? algorithm.variables.find((name) => name.toLowerCase() !== column.toLowerCase())
          : undefined;
      if (wrong !== undefined) {
        yaml.report(
          [...path, kind, 'shardingColumn'],
          'SM_EXPRESSION',
          `the expression of algorithm '${algorithm.name}' uses '${wrong}', but the sharding column is '${column}'`,
        );
        return undefined;
      }
      return Object.freeze({ kind, column, algorithm });
    }
    case 'complex': {
      if (algorithm.kind !== 'complex') return wrongKind();
      const columns = strategy
        .complex!.shardingColumns.split(',')
        .map((each) => each.trim())
        .filter((each) => each !== '');
      if (columns.length === 0) {
        yaml.report([...path, kind, 'shardingColumns'], 'SM_WRONG_STRATEGY', 'no column is given');
        return undefined;
      }
      const declared = algorithm.props['sharding-columns']
        ?.split(',')
        .map((each) => each.trim().toLowerCase())
        .sort()
        .join();
      if (
        declared !== undefined &&
        declared !==
          columns
            .map((each) => each.toLowerCase())
            .sort()
            .join()
      ) {
        yaml.report(
          [...path, kind, 'shardingColumns'],
          'SM_WRONG_STRATEGY',
          `algorithm '${algorithm.name}' is for the columns ${algorithm.props['sharding-columns']}`,
        );
      }
      const wrong = algorithm.variables.find((name) => !columns.some((column) => column.toLowerCase() === name));
      if (wrong !== undefined) {
        yaml.report(
          [...path, kind, 'shardingColumns'],
          'SM_EXPRESSION',
          `the expression of algorithm '${algorithm.name}' uses '${wrong}', which is none of the sharding columns`,
        );
        return undefined;
      }
      return Object.freeze({ kind, columns: Object.freeze(columns), algorithm });
    }
    case 'hint':
      return algorithm.kind === 'hint' ? Object.freeze({ kind, algorithm }) : wrongKind();
  }
}

/** Lower-cased, each once. */
export function shardingColumnsOf(...strategies: readonly ShardingStrategy[]): string[] {
  const columns = strategies.flatMap((strategy) =>
    strategy.kind === 'standard' ? [strategy.column] : strategy.kind === 'complex' ? strategy.columns : [],
  );
  return [...new Set(columns.map((column) => column.toLowerCase()))];
}

function algorithmOf(
  scope: StrategyScope,
  entry: { shardingAlgorithmName?: string | undefined; shardingAlgorithm?: AlgorithmEntry | undefined },
  path: Path,
): ShardingAlgorithm | undefined {
  const { yaml } = scope;
  if (entry.shardingAlgorithm !== undefined) {
    if (entry.shardingAlgorithmName !== undefined)
      yaml.report(
        [...path, 'shardingAlgorithm'],
        'SM_WRONG_STRATEGY',
        'shardingAlgorithmName and shardingAlgorithm exclude each other',
        { atKey: true },
      );
    return readAlgorithm(`<${path.slice(-3).join('.')}>`, entry.shardingAlgorithm, yaml, [
      ...path,
      'shardingAlgorithm',
    ]);
  }
  const name = entry.shardingAlgorithmName;
  if (name === undefined) {
    yaml.report(path, 'SM_MISSING_KEY', "key 'shardingAlgorithmName' is missing", { atKey: true });
    return undefined;
  }
  if (scope.algorithmNames !== undefined && !scope.algorithmNames.includes(name))
    yaml.reportUnknown(
      [...path, 'shardingAlgorithmName'],
      'SM_UNKNOWN_ALGORITHM',
      'algorithm',
      name,
      scope.algorithmNames,
    );
  return scope.algorithms.get(name);
}

const none: ShardingStrategy = Object.freeze({ kind: 'none' });
