/** The page for operators: static files that hold no data; a browser shows them, asks for the token, and uses the routes beside them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RouteHandler } from '../http/index.ts';

/** Nothing but the page's own files is loaded, sent to, or may frame it. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

const files = [
  ['/', 'index.html', 'text/html'],
  ['/page.css', 'page.css', 'text/css'],
  ['/page.js', 'page.js', 'text/javascript'],
] as const;

/** The paths that are served without a token: a browser cannot send one with them. */
export const openPaths: ReadonlySet<string> = new Set(files.map(([path]) => path));

export function pageRoutes(): [string, RouteHandler][] {
  return files.map(([path, name, type]) => {
    const answer = {
      status: 200,
      body: readFileSync(join(import.meta.dirname, 'page', name), 'utf8'),
      contentType: `${type}; charset=utf-8`,
      headers,
    };
    return [`GET ${path}`, () => answer];
  });
}
