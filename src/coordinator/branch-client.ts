/** Calls branches over HTTP and reads their verdicts: 200 done, 409 failed, 425 ongoing, anything else unknown. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Verdict } from './advance.ts';
import { type BranchTargets, TargetRefused } from './branch-targets.ts';

export interface BranchCall {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
}

export interface BranchAnswer {
  readonly verdict: Verdict;
  readonly detail?: string;
  /** Where the called service's sidecar says that it answers for its barrier. */
  readonly barrierUrl?: string;
}

/** Answers are read up to here; it is enough for a reason. */
const answerMax = 64 * 1024;
const detailMax = 500;

export class BranchClient {
  readonly #targets: BranchTargets;
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 64, timeout: 30_000 });
  readonly #https = new HttpsAgent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 64, timeout: 30_000 });

  constructor(targets: BranchTargets) {
    this.#targets = targets;
  }

  /** Never rejects: what goes wrong is a verdict. */
  async call(call: BranchCall): Promise<BranchAnswer> {
    try {
      const { status, text, barrierUrl } = await this.exchange(call);
      const where = barrierUrl === undefined ? {} : { barrierUrl };
      const detail = `${status} ${text.slice(0, detailMax)}`.trim();
      if (status === 425 || (status === 200 && text.includes('ONGOING')))
        return { verdict: 'ongoing', detail, ...where };
      // Services of older protocols say FAILURE in the body of a 200.
      if (status === 409 || (status === 200 && text.includes('FAILURE')))
        return { verdict: 'failed', detail, ...where };
      if (status >= 200 && status < 300) return { verdict: 'done', ...where };
      return { verdict: 'unknown', detail, ...where };
    } catch (error) {
      return { verdict: 'unknown', detail: reasonOf(error) };
    }
  }

  /** One request, redirects not followed. Rejects with the socket's error, a time-out or TargetRefused. */
  async exchange(
    call: BranchCall,
  ): Promise<{ readonly status: number; readonly text: string; readonly barrierUrl?: string }> {
    const problem = this.#targets.problem(call.url);
    if (problem !== undefined) throw new TargetRefused(problem);
    const url = new URL(call.url);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const secure = url.protocol === 'https:';
    const body = Buffer.from(call.body);
    const request = (secure ? httpsRequest : httpRequest)(
      url,
      {
        method: call.method,
        headers: { ...call.headers, ...(call.method === 'GET' ? {} : { 'content-length': String(body.length) }) },
        agent: secure ? this.#https : this.#http,
        lookup: this.#targets.lookup(url),
      },
      resolve,
    );
    const late = setTimeout(() => request.destroy(new Error(`no answer within ${call.timeoutMs} ms`)), call.timeoutMs);
    request.on('error', reject);
    request.setNoDelay(true);
    request.end(call.method === 'GET' ? undefined : body);
    try {
      const response = await promise;
      const text = await textOf(response);
      const barrier = response.headers['x-shardmesh-barrier'];
      return {
        status: response.statusCode ?? 0,
        text,
        ...(typeof barrier === 'string' && barrier.length < 500 ? { barrierUrl: barrier } : {}),
      };
    } finally {
      clearTimeout(late);
    }
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= answerMax) chunks.push(chunk);
    // Whatever else it wants to say is not waited for.
    else if (size > 16 * answerMax) {
      response.destroy();
      break;
    }
  }
  return Buffer.concat(chunks).toString('utf8');
}

export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? ((error as NodeJS.ErrnoException).code ?? error.name) : error.message;
}
