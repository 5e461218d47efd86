/**
 * The web client: the files of its build, read once, sent from memory.
 *
 * What lies in `assets/` is named by its content and may be kept for ever. The page itself, its worker for being offline
 * and its manifest are asked for anew each time, which costs whoever has them a 304.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { App, AppEnv } from '@sotto/runtime';
import type { Context } from 'hono';
import { pagePolicy } from './headers.ts';
import { COMPRESSED_BYTES_MIN, HASHED_SECONDS } from './limits.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Places of the client that are no files: each is the page, which reads its address itself. */
const PLACES = [
  '/',
  '/c/:conversation',
  '/settings',
  '/settings/:page',
  '/requests',
  '/safety/:user',
];

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
};

/** What grows smaller; pictures and fonts are packed already. */
const COMPRESSIBLE = /\.(html|js|css|svg|webmanifest)$/;

/**
 * Of the page, and of every script as well: a worker goes by the policy that its own script came with. Only what this
 * origin serves runs, and no text becomes a script or markup but by the one policy that the page names.
 */
const POLICY = pagePolicy({
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' blob:",
  'media-src': 'blob:',
  'font-src': "'self'",
  'connect-src': "'self'",
  'worker-src': "'self'",
  'manifest-src': "'self'",
  'require-trusted-types-for': "'script'",
  'trusted-types': 'sotto',
});

/** Whether a folder holds a build of the client. */
export function isWebClient(folder: string): boolean {
  return existsSync(join(folder, 'index.html'));
}

/** Adds the routes of all files of a build, and of the places in it. Throws when there is none. */
export function serveWebClient(app: App, folder: string): void {
  if (!isWebClient(folder)) {
    throw new Error(`there is no web client in ${folder}: npm run web builds it`);
  }
  for (const name of filesIn(folder)) {
    const answer = answerWith(readFile(folder, name));
    for (const path of name === 'index.html' ? PLACES : [`/${name}`]) app.get(path, answer);
  }
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(folder, name)).isFile() && extname(name) in TYPES)
    .map((name) => relative('.', name).split(sep).join('/'));
}

interface WebFile {
  readonly route: string;
  readonly body: Bytes;
  readonly digest: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly isCompressible: boolean;
}

function readFile(folder: string, name: string): WebFile {
  const body = readFileSync(join(folder, name));
  const extension = extname(name);
  const isHashed = name.startsWith('assets/');
  return {
    // One label for all files, whose names change with each build.
    route: isHashed ? '/assets/*' : '/*',
    body,
    digest: createHash('sha256').update(body).digest('base64url'),
    headers: {
      'content-type': TYPES[extension] ?? 'application/octet-stream',
      'cache-control': isHashed ? `public, max-age=${HASHED_SECONDS}, immutable` : 'no-cache',
      vary: 'accept-encoding',
      ...(/^\.(html|js)$/.test(extension) && { 'content-security-policy': POLICY }),
    },
    isCompressible: COMPRESSIBLE.test(name) && body.length >= COMPRESSED_BYTES_MIN,
  };
}

function answerWith(file: WebFile) {
  const encoded = new Map<Encoding, Promise<Bytes>>();
  const bodyIn = (encoding: Encoding): Promise<Bytes> => {
    const known = encoded.get(encoding);
    if (known !== undefined) return known;
    const made = ENCODERS[encoding](file.body);
    encoded.set(encoding, made);
    return made;
  };
  return async (context: Context<AppEnv>): Promise<Response> => {
    context.set('route', file.route);
    const encoding = file.isCompressible
      ? encodingFor(context.req.header('accept-encoding'))
      : undefined;
    const etag = `"${file.digest}${encoding === undefined ? '' : `.${encoding}`}"`;
    const headers = { ...file.headers, etag };
    if (context.req.header('if-none-match') === etag) {
      return new Response(null, { status: 304, headers });
    }
    if (encoding === undefined) return new Response(file.body, { headers });
    return new Response(await bodyIn(encoding), {
      headers: { ...headers, 'content-encoding': encoding },
    });
  };
}

type Encoding = 'br' | 'gzip';

/** Done once for a file, off the event loop, when it is first asked for: some 0.1 s for all of them together. */
const ENCODERS: Readonly<Record<Encoding, (body: Bytes) => Promise<Bytes>>> = {
  br: (body) =>
    promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  gzip: (body) => promisify(gzip)(body, { level: 9 }),
};

/** The best encoding that a header of RFC 9110, 12.5.3 takes; one that is refused by `q=0` is not taken. */
function encodingFor(header = ''): Encoding | undefined {
  const taken = header
    .split(',')
    .map((part) => part.split(';').map((piece) => piece.trim().toLowerCase()))
    .filter(([, weight]) => !/^q=0(\.0*)?$/.test(weight ?? ''))
    .map(([name]) => name);
  if (taken.includes('br')) return 'br';
  return taken.includes('gzip') ? 'gzip' : undefined;
}
