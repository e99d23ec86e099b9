/** What the operating system or the container allows one process. */
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** What the operating system allows; undefined: not known. */
export interface ProcessLimits {
  readonly descriptors: number | undefined;
  /** Bytes. */
  readonly memory: number | undefined;
}

export function processLimits(): ProcessLimits {
  const constrained = process.constrainedMemory();
  const memory = constrained > 0 && constrained < totalmem() ? constrained : totalmem();
  return { descriptors: openFilesMax(), memory };
}

/** The soft limit, which Node has raised to the hard one; Linux only. */
function openFilesMax(): number | undefined {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}
