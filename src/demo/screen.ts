/** What the demo prints: headings, tables, a progress bar; plain text where there is no terminal or NO_COLOR is set. */

export interface Screen {
  heading(text: string): void;
  line(text?: string): void;
  dim(text: string): string;
  strong(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  /** Rows under column headings; long cells are cut. */
  table(columns: readonly string[], rows: readonly (readonly string[])[]): void;
  /** Draws the state of long work; `done` of `total`. The last call must have them equal. */
  progress(label: string, done: number, total: number): void;
}

const cellMax = 90;
const barWidth = 30;

export const createScreen = (out: NodeJS.WriteStream = process.stdout): Screen => {
  const terminal = out.isTTY === true;
  const colored = terminal && !process.env['NO_COLOR'];
  const paint = (code: number) => (text: string) => (colored ? `\u001b[${code}m${text}\u001b[0m` : text);
  let lastTenth = -1;
  const screen: Screen = {
    dim: paint(2),
    strong: paint(1),
    good: paint(32),
    bad: paint(31),
    line: (text = '') => {
      out.write(`${text}\n`);
    },
    heading: (text) => {
      out.write(`\n${paint(1)(text)}\n`);
    },
    table: (columns, rows) => {
      const cells = [columns, ...rows].map((row) =>
        row.map((cell) => (cell.length > cellMax ? `${cell.slice(0, cellMax - 3)}...` : cell)),
      );
      const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)));
      for (const [index, row] of cells.entries()) {
        const text = row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd();
        out.write(`  ${index === 0 ? screen.dim(text) : text}\n`);
      }
    },
    progress: (label, done, total) => {
      const share = total === 0 ? 1 : done / total;
      const percent = `${Math.floor(share * 100)}`.padStart(3);
      if (!terminal) {
        const tenth = Math.floor(share * 10);
        if (tenth === lastTenth) return;
        lastTenth = done === total ? -1 : tenth;
        out.write(`  ${label} ${percent} %\n`);
        return;
      }
      const full = Math.round(share * barWidth);
      const bar = `${'█'.repeat(full)}${'░'.repeat(barWidth - full)}`;
      out.write(`\r  ${label} ${bar} ${percent} % ${done.toLocaleString('en-US')} rows${done === total ? '\n' : ''}`);
    },
  };
  return screen;
};
