/** Where a command writes; tests give their own. */

export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** One line to standard output. */
  out(line: string): void;
  /** One line to standard error. */
  err(line: string): void;
  /** For standard output. */
  readonly color: boolean;
}

export const processTerminal: Terminal = {
  env: process.env,
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  // NO_COLOR (no-color.org) counts when it is set to anything but nothing.
  color: process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === '',
};

type Style = 'red' | 'yellow' | 'green' | 'dim' | 'bold';
const codes: Readonly<Record<Style, number>> = { red: 31, yellow: 33, green: 32, dim: 2, bold: 1 };

export function paint(terminal: Terminal, style: Style, text: string): string {
  return terminal.color ? `\u001b[${codes[style]}m${text}\u001b[0m` : text;
}

/** Rows as aligned columns; the first row is the heading. */
export function columns(terminal: Terminal, rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row, index) => {
    const line = row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
    return index === 0 ? paint(terminal, 'bold', line) : line;
  });
}
