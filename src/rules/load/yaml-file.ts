/** One YAML file as plain values, with the position of everything in it, and the list of its problems. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { nearestName } from '../nearest-name.ts';
import type { ProblemCode, RuleProblem } from '../types.ts';
import { substituteEnvironment } from './environment.ts';

export type Path = readonly (string | number)[];
export type PlainValue = string | number | boolean | null | PlainValue[] | { [key: string]: PlainValue };

/** Values under these keys are inline expressions: `${...}` in them is no environment variable. */
const inlineKeys = new Set(['actualDataNodes', 'actualDataSources', 'algorithm-expression']);
/** Aliases may repeat parts of a file; a file that grows beyond this by them is refused. */
const NODES_MAX = 200_000;
const DEPTH_MAX = 64;

interface Place {
  /** Of the value, or of the key when there is no value. */
  readonly value: number;
  readonly key: number | undefined;
  readonly scalar: Scalar | undefined;
  readonly tag: string | undefined;
}

export class YamlFile {
  readonly file: string;
  readonly problems: RuleProblem[] = [];
  /** The whole file; undefined after a syntax error or when it is empty. Null values are left out, except under `none`. */
  readonly value: PlainValue | undefined;
  readonly #lines = new LineCounter();
  readonly #places = new Map<string, Place>();
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #text: string;
  readonly #origins = new Map<string, string>();
  #nodes = 0;
  #tooDeep = false;

  constructor(file: string, text: string, env: Readonly<Record<string, string | undefined>>) {
    this.file = file;
    this.#env = env;
    this.#text = text;
    let document: Document.Parsed;
    try {
      document = parseDocument(text, {
        lineCounter: this.#lines,
        merge: true,
        uniqueKeys: false,
        prettyErrors: false,
        logLevel: 'silent',
      });
    } catch (error) {
      // Nesting that exhausts the parser's stack.
      this.#reportAt(
        0,
        'SM_YAML_SYNTAX',
        'error',
        `the file cannot be parsed: ${error instanceof Error ? error.message : String(error)}`,
      );
      return;
    }
    for (const error of document.errors) {
      this.#reportAt(error.pos[0], 'SM_YAML_SYNTAX', 'error', firstLine(error.message));
    }
    if (document.errors.length === 0) this.value = this.#convertDocument(document);
  }

  /** Reports at the value of `path`; of a path that is not in the file, at its nearest ancestor. `offset` counts characters inside a scalar. */
  report(
    path: Path,
    code: ProblemCode,
    message: string,
    options: {
      suggestion?: string | undefined;
      severity?: 'error' | 'warning';
      atKey?: boolean;
      offset?: number | undefined;
    } = {},
  ): void {
    for (let length = path.length; length > 0; length--) {
      const origin = this.#origins.get(pathKey(path.slice(0, length)));
      if (origin === undefined) continue;
      const { suggestion, severity = 'error' } = options;
      this.problems.push({
        file: origin,
        line: 1,
        column: 1,
        code,
        severity,
        message,
        ...(suggestion === undefined ? {} : { suggestion }),
      });
      return;
    }
    let rest = path;
    let place = this.#places.get(pathKey(rest));
    while (place === undefined && rest.length > 0) {
      rest = rest.slice(0, -1);
      place = this.#places.get(pathKey(rest));
    }
    let position = place === undefined ? 0 : options.atKey === true ? (place.key ?? place.value) : place.value;
    if (options.offset !== undefined && rest.length === path.length && place?.scalar !== undefined)
      position += offsetInScalar(place.scalar, options.offset);
    this.#reportAt(position, code, options.severity ?? 'error', message, options.suggestion);
  }

  /** An unknown name, with the nearest known one as suggestion. */
  reportUnknown(path: Path, code: ProblemCode, what: string, name: string, known: Iterable<string>): void {
    const names = [...known];
    const near = nearestName(name, names);
    const suggestion =
      near !== undefined
        ? `did you mean '${near}'?`
        : names.length === 0
          ? undefined
          : `known: ${names.slice(0, 12).join(', ')}${names.length > 12 ? ', ...' : ''}`;
    this.report(path, code, `${what} '${name}' is not known`, { suggestion });
  }

  /** The tag of a node as written (`!SHARDING`), or undefined. */
  tagOf(path: Path): string | undefined {
    return this.#places.get(pathKey(path))?.tag;
  }

  /** The text of a scalar as it stands in the file, so that 007 and 1.50 stay what they are; undefined: not a scalar of this file. */
  sourceText(path: Path): string | undefined {
    const scalar = this.#places.get(pathKey(path))?.scalar;
    return scalar === undefined || typeof scalar.value === 'string' ? undefined : scalar.source;
  }

  /** Problems of this value are those of a flag or variable, not of the file. */
  setOrigin(path: Path, origin: string): void {
    this.#origins.set(pathKey(path), origin);
  }

  get failed(): boolean {
    return this.problems.some((problem) => problem.severity === 'error');
  }

  #convertDocument(document: Document.Parsed): PlainValue | undefined {
    for (const warning of document.warnings) {
      // Tags are judged where rules are read; other warnings stand.
      if (warning.code !== 'TAG_RESOLVE_FAILED')
        this.#reportAt(warning.pos[0], 'SM_YAML_SYNTAX', 'warning', firstLine(warning.message));
    }
    if (document.contents === null) {
      this.#reportAt(0, 'SM_MISSING_KEY', 'error', 'the file is empty');
      return undefined;
    }
    return this.#convert(document.contents as Node, [], undefined, document, false);
  }

  #convert(
    node: Node | null,
    path: Path,
    key: number | undefined,
    document: Document.Parsed,
    inline: boolean,
  ): PlainValue {
    if (++this.#nodes > NODES_MAX) {
      if (this.#nodes === NODES_MAX + 1)
        this.#reportAt(key ?? 0, 'SM_YAML_SYNTAX', 'error', `aliases make more than ${NODES_MAX} values of this file`);
      return null;
    }
    if (path.length > DEPTH_MAX) {
      if (!this.#tooDeep)
        this.#reportAt(
          key ?? node?.range?.[0] ?? 0,
          'SM_YAML_SYNTAX',
          'error',
          `the file is nested more than ${DEPTH_MAX} deep`,
        );
      this.#tooDeep = true;
      return null;
    }
    const tag = node === null || isAlias(node) ? undefined : node.tag;
    let start = node?.range?.[0] ?? key ?? 0;
    // A node's range begins behind its tag.
    if (tag?.startsWith('!')) start = Math.max(this.#text.lastIndexOf(tag, start), 0);
    this.#places.set(pathKey(path), {
      value: start,
      key,
      scalar: isScalar(node) ? node : undefined,
      tag: tag?.startsWith('!') ? tag : undefined,
    });
    if (node === null) return null;
    if (isAlias(node)) {
      const target = node.resolve(document) as Node | undefined;
      if (target === undefined) this.#reportAt(start, 'SM_YAML_SYNTAX', 'error', `alias *${node.source} has no anchor`);
      return target === undefined ? null : this.#convert(target, path, key, document, inline);
    }
    if (isScalar(node)) return this.#convertScalar(node, start, inline);
    if (isSeq(node))
      return node.items.map((item, index) =>
        this.#convert(item as Node | null, [...path, index], undefined, document, inline),
      );
    if (isMap(node)) return this.#convertMap(node, path, document, inline);
    return null;
  }

  #convertMap(map: YAMLMap, path: Path, document: Document.Parsed, inline: boolean): PlainValue {
    const result: { [key: string]: PlainValue } = Object.create(null) as { [key: string]: PlainValue };
    const first = new Map<string, number>();
    for (const pair of map.items as Pair<Node | null, Node | null>[]) {
      const keyNode = pair.key;
      const keyStart = keyNode?.range?.[0] ?? map.range?.[0] ?? 0;
      if (!isScalar(keyNode)) {
        this.#reportAt(keyStart, 'SM_WRONG_TYPE', 'error', 'a key must be a plain name');
        continue;
      }
      const name = String(keyNode.source ?? keyNode.value);
      if (name === '<<' && keyNode.type === 'PLAIN') {
        this.#merge(pair.value, result, first, path, document, inline);
        continue;
      }
      const line = first.get(name);
      if (line !== undefined && line > 0) {
        this.#reportAt(
          keyStart,
          'SM_YAML_DUPLICATE_KEY',
          'error',
          `key '${name}' is there twice (first in line ${line})`,
          'remove one of the two',
        );
        continue;
      }
      first.set(name, this.#lines.linePos(keyStart).line);
      const value = this.#convert(pair.value, [...path, name], keyStart, document, inline || inlineKeys.has(name));
      if (value !== null || name === 'none') result[name] = value;
      else delete result[name];
    }
    return result;
  }

  /** `<<: *base`: keys of the map itself win, whichever comes first. */
  #merge(
    node: Node | null,
    result: { [key: string]: PlainValue },
    first: Map<string, number>,
    path: Path,
    document: Document.Parsed,
    inline: boolean,
  ): void {
    const target = isAlias(node) ? (node.resolve(document) as Node | undefined) : node;
    const maps = isSeq(target) ? (target.items as (Node | null)[]) : [target ?? null];
    for (const each of maps) {
      const map = isAlias(each) ? (each.resolve(document) as Node | undefined) : each;
      if (!isMap(map)) {
        this.#reportAt(node?.range?.[0] ?? 0, 'SM_WRONG_TYPE', 'error', '<< takes a map');
        continue;
      }
      for (const pair of map.items as Pair<Node | null, Node | null>[]) {
        if (!isScalar(pair.key)) continue;
        const name = String(pair.key.source ?? pair.key.value);
        if (first.has(name)) continue;
        first.set(name, 0);
        const value = this.#convert(
          pair.value,
          [...path, name],
          pair.key.range?.[0],
          document,
          inline || inlineKeys.has(name),
        );
        if (value !== null) result[name] = value;
      }
    }
  }

  #convertScalar(scalar: Scalar, start: number, inline: boolean): PlainValue {
    const { value } = scalar;
    if (typeof value === 'string') {
      if (inline || !value.includes('${')) return value;
      const substituted = substituteEnvironment(value, this.#env);
      for (const name of substituted.missing) {
        this.#reportAt(
          start,
          'SM_ENVIRONMENT_MISSING',
          'error',
          `environment variable ${name} is not set`,
          `set it, or give a default: \${${name}:-value}`,
        );
      }
      return substituted.value;
    }
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
    return String(scalar.source ?? value);
  }

  #reportAt(
    position: number,
    code: ProblemCode,
    severity: 'error' | 'warning',
    message: string,
    suggestion?: string,
  ): void {
    const { line, col } = this.#lines.linePos(position);
    this.problems.push({
      file: this.file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      code,
      severity,
      message,
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  }
}

/** Where the n-th character of a scalar's value stands, counted from the scalar's start; exact for plain and for quoted scalars without escapes on one line. */
function offsetInScalar(scalar: Scalar, offset: number): number {
  const source = typeof scalar.source === 'string' ? scalar.source : '';
  if (scalar.type === 'PLAIN') return source.includes('\n') ? 0 : offset;
  if (scalar.type !== 'QUOTE_DOUBLE' && scalar.type !== 'QUOTE_SINGLE') return 0;
  if (source !== scalar.value) return 1;
  return offset + 1;
}

function pathKey(path: Path): string {
  return path.join('\0');
}

function firstLine(message: string): string {
  return message.split('\n')[0]!;
}
