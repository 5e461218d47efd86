/** `npm run restore`: puts a backup into an empty platform and makes it safe to run on (DESIGN 2.9). */
import { parseArgs } from 'node:util';
import { CommandError, EXIT_USAGE, wrongCall } from '@sotto/runtime';
import { readArchiveFile } from './backup/archive-file.ts';
import { explainFailure, progressLine } from './backup/console.ts';
import { type Inspection, inspectArchive } from './backup/inspect.ts';
import { requireNobody, tellSafety } from './backup/make-safe.ts';
import { NotEmpty, putBack, unknownMigrations } from './backup/put-back.ts';
import { checkSecrets, putBackSecrets } from './backup/secrets.ts';
import { connectTo, openSiteAlone } from './backup/site.ts';

const USAGE = `usage: npm run restore -- FILE [--passphrase-file FILE] [--replace] [--other-secrets]

Puts a backup into a platform that is stopped and empty, and makes it safe to run on. The backup is read
to its end first: one that is cut off, altered or of a newer release changes nothing.

  --passphrase-file FILE   of an encrypted backup; asked for otherwise
  --replace                also when the platform is not empty: what it holds is lost. Asks for the word
                           "replace", or takes it from --confirm replace
  --other-secrets          goes on though FIELD_KEYS or KEY_LOG_SECRET are others than the backup's, or
                           are not known here
  --help                   show this

Set DATA_DIR or DATABASE_URL (and S3_...) as for the platform; DATABASE_URL names a role that may write
to the schemas auth, key, message and file.

Exit codes: 0 done, 1 not possible, 64 wrong call, 69 not reachable, 78 wrong configuration.`;

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        'passphrase-file': { type: 'string' },
        replace: { type: 'boolean', default: false },
        confirm: { type: 'string' },
        'other-secrets': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) throw wrongCall('say one file');
    const found = await inspectArchive(file, values['passphrase-file']);
    refuseNewer(found);
    checkSecrets(found, { others: values['other-secrets'] });
    if (values.replace) await confirm(values.confirm);
    await restore(file, found, values.replace);
    return 0;
  } catch (error) {
    const shown =
      error instanceof NotEmpty ? wrongCall(`${error.message}; --replace does that`) : error;
    const code = explainFailure(shown);
    if (code === EXIT_USAGE && !(error instanceof NotEmpty)) console.error(USAGE);
    return error instanceof NotEmpty ? 1 : code;
  }
}

function refuseNewer({ header }: Inspection): void {
  const unknown = unknownMigrations(header);
  if (unknown.length === 0) return;
  throw new CommandError(
    `the backup was made by a newer release (${header.release}), of which this one does not know ` +
      `${unknown.join(', ')}: restore with that release`,
  );
}

/** What a platform holds is not replaced by a slip of the hand. */
async function confirm(given: string | undefined): Promise<void> {
  const word =
    given ?? (await ask('This erases what the platform holds. Type "replace" to go on: '));
  if (word !== 'replace') throw wrongCall('--replace is confirmed by the word "replace"');
}

async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  if (!process.stdin.isTTY) return '';
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

async function restore(file: string, found: Inspection, replace: boolean): Promise<void> {
  const takeSecretsAway = putBackSecrets(found);
  const site = await openSiteAlone();
  const progress = progressLine();
  try {
    const client = await connectTo(site);
    const blobs = await site.openBlobs();
    try {
      await requireNobody(client);
      const archive = readArchiveFile(file, found.passphrase);
      const given = { client, blobs, archive, replace, progress: progress.say };
      const { files, safety } = await putBack(given);
      progress.end();
      console.log(`${found.tables} tables and ${files} files are back`);
      for (const line of tellSafety(safety)) console.log(line);
    } catch (error) {
      // Nothing of the backup was taken; whatever else failed may have been behind the commit.
      if (error instanceof NotEmpty) takeSecretsAway();
      throw error;
    } finally {
      await client.end();
      await blobs.close();
    }
  } finally {
    progress.end();
    await site.close();
  }
}
