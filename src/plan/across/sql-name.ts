/** Names in texts that planning across shards writes itself. */

/** A name in backticks, whatever it holds. */
export function backtick(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
