/** Generic walking over syntax trees, on the miss path only: children are whatever objects a node holds. */
import type { Call, QueryExpression, Span } from '../sql/index.ts';

/** Any node of a syntax tree. */
export type Node = Span & { readonly kind?: string };

/** Calls `visit` for `root` and every node below it in property order; an answer of `false` leaves out what is below. */
export function visitNodes(
  root: unknown,
  visit: (node: Node & { readonly kind: string }) => boolean | undefined,
): void {
  if (typeof root !== 'object' || root === null) return;
  if (Array.isArray(root)) {
    for (const item of root) visitNodes(item, visit);
    return;
  }
  const node = root as Node & { readonly kind: string };
  if (typeof node.kind === 'string' && visit(node) === false) return;
  for (const key in node) visitNodes((node as unknown as Record<string, unknown>)[key], visit);
}

/** Whether an object is a QueryExpression (the only node with `body` and `with`). */
export function isQuery(node: unknown): node is QueryExpression {
  return typeof node === 'object' && node !== null && 'body' in node && 'recursive' in node;
}

/** Like visitNodes, but stays inside of one query block: nested queries are handed to `onQuery`. */
export function visitBlock(
  root: unknown,
  visit: (node: Node & { readonly kind: string }) => boolean | undefined,
  onQuery: (query: QueryExpression) => void,
): void {
  if (typeof root !== 'object' || root === null) return;
  if (Array.isArray(root)) {
    for (const item of root) visitBlock(item, visit, onQuery);
    return;
  }
  if (isQuery(root)) {
    onQuery(root);
    return;
  }
  const node = root as Node & { readonly kind: string };
  if (typeof node.kind === 'string' && visit(node) === false) return;
  for (const key in node) visitBlock((node as unknown as Record<string, unknown>)[key], visit, onQuery);
}

/** Whether any node below satisfies the test. */
export function someNode(root: unknown, test: (node: Node & { readonly kind: string }) => boolean): boolean {
  let found = false;
  visitNodes(root, (node) => {
    if (found) return false;
    if (test(node)) found = true;
    return !found;
  });
  return found;
}

/** Whether a node is a function call (not the statement CALL). */
export function isCall(node: { readonly kind?: string }): node is Call {
  return node.kind === 'call' && typeof (node as { name?: unknown }).name === 'string';
}
