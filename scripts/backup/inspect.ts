/** Reads a backup to its end: nothing of it is believed before. */

import { isSealedFile, readArchiveFile } from './archive-file.ts';
import { readArchive } from './archive-reader.ts';
import { askPassphrase } from './console.ts';
import { ArchiveError, type Header, type Trailer } from './records.ts';
import { SECRETS } from './site.ts';

export interface Inspection {
  header: Header;
  trailer: Trailer;
  tables: number;
  files: number;
  /** Of rows and files. */
  bytes: number;
  secrets: Map<string, string>;
  /** For reading it again. */
  passphrase: string | undefined;
}

/** What a file holds. Throws an ArchiveError for one that is cut off, altered, or no backup. */
export async function inspectArchive(
  path: string,
  passphraseFile: string | undefined,
): Promise<Inspection> {
  const ask = passphraseFile === undefined && (await isSealedFile(path));
  const passphrase = await askPassphrase({ file: passphraseFile, ask, twice: false });
  let header: Header | undefined;
  const found = { tables: 0, files: 0, bytes: 0, secrets: new Map<string, string>() };
  const trailer = await readArchive(readArchiveFile(path, passphrase), {
    header(first) {
      header = first;
    },
    async entry(entry, content) {
      if (entry.kind === 'secret') {
        if (!isOurs(entry.name)) throw new ArchiveError('altered');
        found.secrets.set(entry.name, await textOf(content));
        return;
      }
      try {
        for await (const piece of content) found.bytes += piece.length;
        found[entry.kind === 'table' ? 'tables' : 'files'] += 1;
      } catch (error) {
        // One that broke off is passed over, as a restore does.
        if (error instanceof ArchiveError) throw error;
      }
    },
  });
  if (header === undefined) throw new ArchiveError('altered');
  return { header, trailer, passphrase, ...found };
}

const isOurs = (name: string): boolean => SECRETS.some((one) => one === name);

/** Of a list of keys: dozens of them fit. */
const SECRET_BYTES_MAX = 4096;

async function textOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of content) {
    length += piece.length;
    if (length > SECRET_BYTES_MAX) throw new ArchiveError('altered');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}
