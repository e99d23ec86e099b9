/** Routes that another process answers: the question as plain data, there and back. */
import { type Answer, type Asked, failure, type RouteHandler, type Routes } from './http-listener.ts';

export interface RouteQuestion {
  /** `GET /path/{name}`. */
  readonly route: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly params: Asked['params'];
  readonly query: string;
  readonly headers: Asked['headers'];
  readonly from: string;
}

/** `ask` carries a question to the process that has the routes; undefined: there is none now. */
export function remoteRoutes(
  keys: readonly string[],
  ask: (question: RouteQuestion) => Promise<Answer | undefined>,
): Routes {
  return new Map(
    keys.map((route): [string, RouteHandler] => [
      route,
      async (body, { params, query, headers, from }) =>
        (await ask({ route, body, params, query: query.toString(), headers, from })) ??
        failure(503, 'no worker can answer'),
    ]),
  );
}

/** In the process that has them. */
export async function answerRoute(routes: Routes, question: RouteQuestion): Promise<Answer> {
  const handler = routes.get(question.route);
  if (handler === undefined) return failure(404, 'no such path');
  const { params, headers, from } = question;
  return await handler(question.body, { params, query: new URLSearchParams(question.query), headers, from });
}
