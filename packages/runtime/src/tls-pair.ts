/** A certificate and its key, read again when their files change: renewals come while the server runs. */
import { createHash } from 'node:crypto';
import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { TLS_POLL_MS, TLS_SETTLE_MS } from './limits.ts';
import type { Logger } from './log.ts';
import { codeOf, misconfigured, readNamedFile } from './start-faults.ts';

export interface TlsFiles {
  /** The certificate, then those that vouch for it. PEM. */
  cert: string;
  /** PEM. */
  key: string;
}

export interface TlsPair {
  cert: Buffer;
  key: Buffer;
}

/** Throws a ConfigError when the files cannot be read, or do not belong together. */
export function readTlsPair(files: TlsFiles): TlsPair {
  const pair = {
    cert: readNamedFile(files.cert, 'server.tls.cert', 'TLS_CERT'),
    key: readNamedFile(files.key, 'server.tls.key', 'TLS_KEY'),
  };
  try {
    createSecureContext(pair);
  } catch (error) {
    const problem = `not a certificate and its key, in PEM (${codeOf(error)})`;
    throw misconfigured('server.tls', 'TLS_CERT and TLS_KEY', problem);
  }
  return pair;
}

export interface TlsWatch {
  close(): void;
}

/**
 * Calls `onChange` with each new pair. One that is broken is logged, and the one before it stays. The folders are
 * watched, because files are replaced more often than written, and read now and then, because not every file system
 * tells. Close it.
 */
export function watchTlsPair(
  { files, pair, log }: { files: TlsFiles; pair: TlsPair; log: Logger },
  onChange: (pair: TlsPair) => void,
): TlsWatch {
  let seen = digestOf(pair);
  let settling: NodeJS.Timeout | undefined;

  function look(): void {
    try {
      const digest = digestOf({ cert: readFileSync(files.cert), key: readFileSync(files.key) });
      if (digest === seen) return;
      seen = digest;
      onChange(readTlsPair(files));
      log.info('the certificate was renewed');
    } catch (error) {
      log.error('the new certificate and key cannot be used; the old ones stay', { error });
    }
  }

  /** Both files change, one after the other. */
  function soon(): void {
    clearTimeout(settling);
    settling = setTimeout(look, TLS_SETTLE_MS);
  }

  const watchers = [...new Set([dirname(files.cert), dirname(files.key)])].flatMap((folder) =>
    watchFolder(folder, soon),
  );
  const poll = setInterval(look, TLS_POLL_MS).unref();
  return {
    close() {
      clearTimeout(settling);
      clearInterval(poll);
      for (const watcher of watchers) watcher.close();
    },
  };
}

/** Nothing where folders cannot be watched: the files are read now and then all the same. */
function watchFolder(folder: string, onChange: () => void): FSWatcher[] {
  try {
    const watcher = watch(folder, onChange);
    watcher.on('error', () => watcher.close());
    return [watcher.unref()];
  } catch {
    return [];
  }
}

function digestOf({ cert, key }: TlsPair): string {
  return createHash('sha256').update(cert).update('\0').update(key).digest('base64url');
}
