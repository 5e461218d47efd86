/** Documents that do not change while the gateway runs: read or rendered once, sent from memory. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { App } from '@sotto/runtime';
import { pagePolicy } from './headers.ts';
import { type Html, html } from './html.ts';
import { DOCUMENT_SECONDS } from './limits.ts';

export interface Document {
  body: string | Uint8Array<ArrayBuffer>;
  type: string;
  /** Content-Security-Policy, of pages. */
  policy?: string;
}

/** Adds routes for a document: GET, HEAD, and 304 for whoever has it. */
export function serve(app: App, path: string, { body, type, policy }: Document): void {
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  const headers = {
    'cache-control': `public, max-age=${DOCUMENT_SECONDS}`,
    etag,
    ...(policy !== undefined && { 'content-security-policy': policy }),
  };
  app.get(path, (context) => {
    context.set('route', path);
    if (context.req.header('if-none-match') === etag) {
      return new Response(null, { status: 304, headers });
    }
    return new Response(body, { headers: { ...headers, 'content-type': type } });
  });
}

/** A file of `assets/`. */
export function readAsset(name: string): Uint8Array<ArrayBuffer> {
  return readFileSync(new URL(`../assets/${name}`, import.meta.url));
}

const STYLE = new TextDecoder().decode(readAsset('page.css'));

/** The style is in the page, and the page's policy names its digest: no other style and no script at all can run. */
const STYLE_DIGEST = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

/** A page of ours: no script, one style, nothing from elsewhere. */
export function page(title: string, body: Html): Document {
  const { markup } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
`;
  return {
    body: `${markup}<style>${STYLE}</style>\n</head>\n<body>\n${body.markup}\n</body>\n</html>\n`,
    type: 'text/html; charset=utf-8',
    policy: pagePolicy({ 'style-src': STYLE_DIGEST, 'img-src': "'self'" }),
  };
}
