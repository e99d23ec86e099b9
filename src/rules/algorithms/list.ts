/** LIST: each value is written down with its target. */
import type { KeyValue, Placement } from '../types.ts';
import type { AlgorithmKind } from './algorithm-kind.ts';

/** mapping `de=rw_0, at=rw_0, us=rw_1` (or a YAML map); default: the target of every other value (none: such rows are refused). */
export const list: AlgorithmKind = {
  type: 'LIST',
  properties: ['mapping', 'default'],
  create(reader) {
    const mapping = new Map<string, string>();
    const fallback = reader.props['default'];
    const text = reader.text('mapping');
    const pairs: (readonly [string, string])[] = [];
    if (text.startsWith('{')) {
      for (const [value, target] of Object.entries(JSON.parse(text) as Record<string, string>))
        pairs.push([value, String(target)]);
    } else {
      for (const item of text
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== '')) {
        const match = /^(.+?)\s*=\s*(\S+)$/.exec(item);
        if (match === null) reader.report('mapping', `'${item}' is not of the form value=target`);
        else pairs.push([match[1]!, match[2]!]);
      }
    }
    for (const [value, target] of pairs) {
      if (mapping.has(value)) reader.report('mapping', `value '${value}' is mapped twice`);
      mapping.set(value, target);
    }
    return {
      targetCount: undefined,
      bind(targets) {
        const indexOf = (target: string): Placement => {
          const index = targets.indexOf(target);
          return index < 0 ? 'unknown' : index;
        };
        const placements = new Map([...mapping].map(([value, target]) => [value, indexOf(target)]));
        const otherwise: Placement = fallback === undefined ? 'nowhere' : indexOf(fallback);
        return {
          placeValue(value) {
            const key = textOf(value);
            return key === undefined ? 'unknown' : (placements.get(key) ?? otherwise);
          },
          placeRange: () => 'all',
        };
      },
    };
  },
};

function textOf(value: KeyValue): string | undefined {
  switch (value.kind) {
    case 'integer':
      return value.value.toString();
    case 'decimal':
    case 'string':
    case 'temporal':
      return value.text;
    case 'bytes':
    case 'null':
      return undefined;
  }
}
