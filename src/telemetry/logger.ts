/** The log: JSON lines by pino, without secrets. */
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { type LogOutput, logOutput } from './log-output.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Standard output, written in the background and flushed at exit. */
export function logDestination(): LogOutput {
  return logOutput(1);
}

/** What the rooms see of the log. Give values as fields, never inside of the message; the message is the event's name. */
export interface Logger {
  trace(fields: object, event: string): void;
  debug(fields: object, event: string): void;
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  error(fields: object, event: string): void;
  /** A logger that adds these fields to each line. */
  child(fields: Record<string, unknown>): Logger;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** pretty: one readable line per event. Default json. */
  readonly format?: 'json' | 'pretty';
  /** Default: `logDestination()`. */
  readonly destination?: DestinationStream;
  /** In every line, besides the process id. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Texts that must never appear, wherever they come from; those under 6 characters are left alone. */
  readonly secrets?: Iterable<string>;
}

/** The sidecar's log, whose level and secrets follow the configuration. */
export interface RootLogger extends Logger {
  setLevel(level: LogLevel): void;
  addSecrets(secrets: Iterable<string>): void;
  /** Writes what is still in memory. */
  flush(): void;
}

const secretNames = [
  'password',
  'authenticationString',
  'token',
  'authorization',
  'secret',
  'tokenFile.value',
  'cookie',
];
const redacted = '[redacted]';

export function createLogger(options: LoggerOptions): RootLogger {
  const secrets = new Set<string>();
  const addSecrets = (more: Iterable<string>): void => {
    for (const secret of more) if (secret.length >= 6) secrets.add(secret);
  };
  addSecrets(options.secrets ?? []);
  const destination = options.destination ?? logDestination();
  const logger = pino(
    {
      level: options.level,
      base: { pid: process.pid, ...options.fields },
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: serializeError },
      redact: {
        paths: secretNames.filter((name) => !name.includes('.')).flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: redacted,
      },
      hooks: {
        streamWrite: (line) => {
          let clean = line;
          for (const secret of secrets) {
            if (clean.includes(secret)) clean = clean.replaceAll(secret, redacted);
            // As it stands inside of a JSON string.
            const escaped = JSON.stringify(secret).slice(1, -1);
            if (escaped !== secret && clean.includes(escaped)) clean = clean.replaceAll(escaped, redacted);
          }
          return options.format === 'pretty' ? prettyLine(clean) : clean;
        },
      },
    },
    destination,
  );
  return Object.assign(wrap(logger), {
    setLevel: (level: LogLevel) => {
      logger.level = level;
    },
    addSecrets,
    flush: () => {
      if ('flushSync' in destination && typeof destination.flushSync === 'function') {
        destination.flushSync();
      }
    },
  });
}

function wrap(logger: PinoLogger): Logger {
  return {
    trace: (fields, event) => logger.trace(fields, event),
    debug: (fields, event) => logger.debug(fields, event),
    info: (fields, event) => logger.info(fields, event),
    warn: (fields, event) => logger.warn(fields, event),
    error: (fields, event) => logger.error(fields, event),
    child: (fields) => wrap(logger.child(fields)),
  };
}

/** Nothing is written anywhere. */
export const silentLogger: Logger = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

/** An error with code, message, stack and causes; drivers hang their options (passwords) on errors, so nothing else. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, errno } = error as NodeJS.ErrnoException;
  return {
    name: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(errno === undefined ? {} : { errno }),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: serializeError(error.cause) }),
  };
}

function prettyLine(line: string): string {
  try {
    const { time, level, event, pid: _, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const rest = Object.entries(fields).map(
      ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
    const words = [String(time), String(level).toUpperCase().padEnd(5), String(event), ...rest];
    return `${words.join(' ')}\n`;
  } catch {
    return line;
  }
}
