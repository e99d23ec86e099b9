/** Tracing behind @opentelemetry/api: while it is off, one look at a boolean is all it costs. */
import {
  type Span as ApiSpan,
  context,
  isSpanContextValid,
  ProxyTracerProvider,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';

/** One traced piece of work. */
export interface Span {
  set(name: string, value: string | number | boolean): void;
  /** Ends it; with an error it is marked as failed. */
  end(error?: unknown): void;
  /** A part of it. */
  child(name: string): Span;
}

let on = false;

/** On once an OpenTelemetry SDK has registered its provider in this process. */
export function setTracing(enabled: boolean): void {
  on = enabled;
}

export function tracingOn(): boolean {
  return on;
}

/** Switches tracing on if an OpenTelemetry SDK was loaded before us (`node --import ./tracing.mjs`). Answers whether. */
export function detectTracing(): boolean {
  const provider = trace.getTracerProvider();
  const delegate = provider instanceof ProxyTracerProvider ? provider.getDelegate() : provider;
  on = delegate.constructor.name !== 'NoopTracerProvider';
  return on;
}

/**
 * Starts a span, or answers undefined at once while tracing is off: write `startSpan(...)?.end()`.
 * `traceparent` comes from a SQL comment or query attribute of the client; a malformed one is ignored.
 */
export function startSpan(name: string, traceparent?: string): Span | undefined {
  if (!on) return undefined;
  return begin(name, traceparent === undefined ? undefined : parseTraceparent(traceparent), undefined);
}

/** `00-<32 hex>-<16 hex>-<2 hex>` as W3C defines it; undefined if it is anything else. */
export function parseTraceparent(text: string): { traceId: string; spanId: string; traceFlags: number } | undefined {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(text.trim());
  if (match === null || text.trim().startsWith('ff')) return undefined;
  const [, traceId = '', spanId = '', flags = '00'] = match;
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED };
  return isSpanContextValid(parent) ? parent : undefined;
}

/** The value of `traceparent='...'` in a sqlcommenter comment's body, or undefined. */
export function traceparentOf(comment: string): string | undefined {
  return /(?:^|,)\s*traceparent='([^']*)'/.exec(comment)?.[1];
}

function begin(name: string, remote: ReturnType<typeof parseTraceparent>, parent: ApiSpan | undefined): Span {
  const root = context.active();
  const within =
    parent !== undefined
      ? trace.setSpan(root, parent)
      : remote !== undefined
        ? trace.setSpanContext(root, { ...remote, isRemote: true })
        : root;
  const span = trace.getTracer('shardmesh').startSpan(name, { kind: SpanKind.SERVER }, within);
  return {
    set: (key, value) => void span.setAttribute(key, value),
    end: (error) => {
      if (error !== undefined)
        span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
      span.end();
    },
    child: (childName) => begin(childName, undefined, span),
  };
}
