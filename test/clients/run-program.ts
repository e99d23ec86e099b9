/** Runs a program to its end, within a time, and keeps what it said. */
import { spawn } from 'node:child_process';
import type { Call } from './client-list.ts';

export interface ProgramEnd {
  readonly code: number | null;
  readonly output: string;
}

const TIME_MAX_MS = 90_000;

export function runProgram(call: Call, environment: Readonly<Record<string, string>> = {}): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    const child = spawn(call.program, call.args, {
      env: { ...process.env, ...call.environment, ...environment },
      cwd: call.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      if (output.length < 20_000) output += chunk.toString('utf8');
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const timer = setTimeout(() => {
      output += '\nstopped: it took too long';
      child.kill('SIGKILL');
    }, TIME_MAX_MS);
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ code: null, output: error.message });
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}
