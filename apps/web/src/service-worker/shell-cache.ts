/**
 * The page's files, kept so that it opens without a connection. A file is kept by a name that holds its content's digest,
 * and the page by the version that it is part of, so nothing here is ever older than what it is asked for. Answers of the
 * API never come near it.
 */

const PREFIX = 'sotto-shell-';

/** What keeps the files, as `caches` of a service worker does. */
export type ShellStorage = Pick<CacheStorage, 'open' | 'keys' | 'delete'>;

/** What it is asked for a file. */
type KeptFiles = Pick<CacheStorage, 'match'> & {
  open(name: string): Promise<Pick<Cache, 'match' | 'put'>>;
};

/** One version of the page. */
export interface Shell {
  readonly version: string;
  /** Paths, the page's own `/` among them. */
  readonly files: readonly string[];
}

/** Fetches every file of a version. Rejects when one cannot be had, and the version is not taken then. */
export async function keepShell(storage: ShellStorage, { version, files }: Shell): Promise<void> {
  const cache = await storage.open(PREFIX + version);
  // The browser's own cache may hold a page of before.
  await cache.addAll(files.map((path) => new Request(path, { cache: 'no-cache' })));
}

/** Forgets all versions but one. */
export async function dropOtherShells(storage: ShellStorage, { version }: Shell): Promise<void> {
  const names = await storage.keys();
  const others = names.filter((name) => name.startsWith(PREFIX) && name !== PREFIX + version);
  await Promise.all(others.map((name) => storage.delete(name)));
}

/** What a request of the page is answered with from here: a path of the shell, or undefined for what goes to the network. */
export function shellPath(
  { method, mode, url }: Pick<Request, 'method' | 'mode' | 'url'>,
  origin: string,
): string | undefined {
  const { pathname, origin: asked } = new URL(url);
  if (method !== 'GET' || asked !== origin) return undefined;
  // Every place of the client is the same page; documents of the platform are none.
  if (mode === 'navigate') return PLACES.test(pathname) ? '/' : undefined;
  return KEPT.test(pathname) ? pathname : undefined;
}

const PLACES = /^\/(c\/[^/]+|settings(\/[^/]+)?|requests|safety\/[^/]+)?$/;
const KEPT = /^\/(assets\/[^/]+|icons\/[^/]+|icon\.svg)$/;

/**
 * A file of the shell, or from the network what was not kept: fonts of other scripts, which come when they are needed. A page
 * of the version before finds its files as long as that one is kept.
 */
export async function answerFromShell(
  storage: KeptFiles,
  { version }: Shell,
  asked: { path: string; request: Request },
): Promise<Response> {
  const cache = await storage.open(PREFIX + version);
  const isNamedByContent = asked.path.startsWith('/assets/');
  const kept = await (isNamedByContent ? storage : cache).match(asked.path);
  if (kept !== undefined) return kept;
  const response = await fetch(asked.request);
  if (response.ok && isNamedByContent) {
    await cache.put(asked.path, response.clone());
  }
  return response;
}
