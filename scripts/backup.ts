/** `npm run backup`: a backup of the platform, also while it runs. docs/operations/backup.md says what is in it. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EXIT_FAILED, EXIT_USAGE, wrongCall } from '@sotto/runtime';
import { createArchiveFile } from './backup/archive-file.ts';
import { askPassphrase, explainFailure, progressLine } from './backup/console.ts';
import { inspectArchive } from './backup/inspect.ts';
import { readSecrets } from './backup/secrets.ts';
import { openSiteBeside } from './backup/site.ts';
import { takeBackup } from './backup/take.ts';

const USAGE = `usage: npm run backup -- FILE|FOLDER [--with-secrets] [--encrypt | --passphrase-file FILE]
       npm run backup -- --verify FILE [--passphrase-file FILE]

Writes a backup of the platform, which may run: the rows of all services as they are at one moment,
then the files that they name. In a folder it is named by the time. It holds who writes to whom and
when, and ciphertexts; it is for your eyes only, and its mode is 0600.

  --with-secrets           also the secrets of the data directory; then better encrypted
  --encrypt                asks for a passphrase
  --passphrase-file FILE   takes it from the first line of a file
  --verify FILE            reads a backup to its end and says what is in it
  --help                   show this

Set DATA_DIR or DATABASE_URL (and S3_...) as for the platform; DATABASE_URL names a role that may read
the schemas auth, key, message and file.

Exit codes: 0 done, 1 not possible, or kept without files that the store has lost, 64 wrong call,
69 not reachable, 78 wrong configuration.`;

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        'with-secrets': { type: 'boolean', default: false },
        encrypt: { type: 'boolean', default: false },
        'passphrase-file': { type: 'string' },
        verify: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    const [target, ...more] = positionals;
    if (more.length > 0 || (target === undefined) === (values.verify === undefined)) {
      throw wrongCall('say one file or folder');
    }
    const file = values['passphrase-file'];
    if (values.verify !== undefined) await verify(values.verify, file);
    else {
      const passphrase = await askPassphrase({ file, ask: values.encrypt, twice: true });
      return await backUp(fileIn(target ?? ''), passphrase, values['with-secrets']);
    }
    return 0;
  } catch (error) {
    const code = explainFailure(error);
    if (code === EXIT_USAGE) console.error(USAGE);
    return code;
  }
}

async function verify(path: string, passphraseFile: string | undefined): Promise<void> {
  const found = await inspectArchive(path, passphraseFile);
  const { header, trailer, tables, files, bytes } = found;
  console.log(`${path} is whole`);
  console.log(`taken    ${header.takenAt}, by release ${header.release}`);
  console.log(`holds    ${tables} tables, ${files} files, ${bytes} bytes`);
  console.log(`secrets  ${found.secrets.size > 0 ? 'yes' : 'no'}`);
  console.log(`sha256   ${trailer.sha256}`);
  if (trailer.missing > 0) console.log(`missing  ${trailer.missing} files that the store had lost`);
}

async function backUp(
  path: string,
  passphrase: string | undefined,
  withSecrets: boolean,
): Promise<number> {
  // Before anything is copied for hours.
  const secrets = withSecrets ? readSecrets() : new Map<string, string>();
  await using opened = new AsyncDisposableStack();
  const site = await openSiteBeside();
  opened.defer(() => site.close());
  const open = async () => {
    const file = await createArchiveFile(path, passphrase);
    opened.defer(() => file.discard());
    return file;
  };
  const progress = progressLine();
  opened.defer(() => progress.end());
  const options = { open, release: release(), secrets, progress: progress.say };
  const { tables, files, missing } = await takeBackup(site, options);
  progress.end();
  console.log(`${path}: ${tables} tables, ${files} files`);
  if (missing === 0) return 0;
  console.error(
    `sotto: ${missing} files that rows name are lost or damaged in the store: the backup has no right copy of ` +
      'them. Is this the store of the platform (S3_ENDPOINT, S3_BUCKET, FILE_DIRECTORY)?',
  );
  return EXIT_FAILED;
}

/** A folder takes one backup a second, named so that names sort by time. */
function fileIn(target: string): string {
  if (!statSync(target, { throwIfNoEntry: false })?.isDirectory()) return target;
  const moment = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  return join(target, `sotto-${moment}.backup`);
}

function release(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version }: { version: string } = JSON.parse(text);
  return version;
}
