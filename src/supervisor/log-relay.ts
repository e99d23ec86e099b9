/** Passes the log lines of workers on, whole: two processes that write to one pipe would tear each other's lines. */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Where lines go; false: it has enough for now, `drain` follows. */
export interface LineSink {
  write(text: string): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

/** A line that is longer is passed on in pieces. */
const LINE_MAX = 1024 * 1024;

/** A reader that is slow stops the worker's stream, not its statements. */
export function relayLines(from: Readable, to: LineSink): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const pass = (text: string): void => {
    if (text === '' || to.write(text)) return;
    from.pause();
    to.once('drain', () => from.resume());
  };
  from.on('data', (chunk: Buffer) => {
    rest += decoder.write(chunk);
    const end = rest.lastIndexOf('\n') + 1;
    if (end === 0 && rest.length < LINE_MAX) return;
    const whole = end === 0 ? rest.length : end;
    const text = rest.slice(0, whole);
    rest = rest.slice(whole);
    pass(text);
  });
  from.on('end', () => pass(rest === '' ? '' : `${rest}\n`));
  from.on('error', () => undefined);
}
