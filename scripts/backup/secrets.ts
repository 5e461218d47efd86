/** Secrets of a backup, and whether those of the platform are the same. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CommandError, wrongCall } from '@sotto/runtime';
import type { Inspection } from './inspect.ts';
import {
  fingerprintsOf,
  hasOwnSecrets,
  isDatabaseElsewhere,
  knownFingerprints,
  NEEDED,
  readIfThere,
  SECRETS,
  secretFile,
} from './site.ts';

/** Those that the data directory keeps, by name. Throws a CommandError when it keeps none, or not those of the platform. */
export function readSecrets(): Map<string, string> {
  if (!hasOwnSecrets()) {
    throw wrongCall(
      'with a database elsewhere --with-secrets needs DATA_DIR to name where they are; else back them up apart',
    );
  }
  const found = new Map<string, string>();
  for (const name of SECRETS) {
    const text = readIfThere(secretFile(name));
    if (text !== undefined) found.set(name, text);
  }
  if (found.size === 0) {
    throw new CommandError('there are no secrets in the data directory: back them up apart');
  }
  const used = [...knownFingerprints()].map(([variable, [first = '']]) => [variable, first]);
  refuseMixed(found, Object.fromEntries(used));
  return found;
}

/** Rows and secrets of two platforms are of no use together. */
function refuseMixed(
  secrets: ReadonlyMap<string, string>,
  used: Readonly<Record<string, string>>,
): void {
  for (const [variable, file] of Object.entries(NEEDED)) {
    const [text, fingerprint] = [secrets.get(file), used[variable]];
    if (text === undefined || fingerprint === undefined) continue;
    if (fingerprintsOf(text).includes(fingerprint)) continue;
    throw new CommandError(
      `the secret ${file} is not the ${variable} that the rows were written with`,
    );
  }
}

/**
 * Refuses a platform whose secrets are others than those that the rows were written with: what is sealed could not be
 * read, and clients would take the key log for a forged one. Throws a CommandError.
 */
export function checkSecrets(
  { header, secrets }: Pick<Inspection, 'header' | 'secrets'>,
  { others }: { others: boolean },
): void {
  for (const name of SECRETS) {
    const [given, kept] = [secrets.get(name), readIfThere(secretFile(name))];
    if (given === undefined || kept === undefined || given === kept) continue;
    throw new CommandError(
      `${secretFile(name)} is another secret than the backup's: move it away first`,
    );
  }
  if (others) return;
  refuseMixed(secrets, header.fingerprints);
  const known = knownFingerprints();
  for (const [variable, fingerprint] of Object.entries(header.fingerprints)) {
    const here = known.get(variable);
    if (here?.includes(fingerprint)) continue;
    // The backup brings it, or, in a container that restores, the services' secrets need not be known.
    if (here === undefined && (secrets.size > 0 || isDatabaseElsewhere())) continue;
    throw new CommandError(
      `${variable} is ${here === undefined ? 'not here' : 'another one than the backup’s'}: put the ` +
        'secrets back first, or say --other-secrets',
    );
  }
}

/** Writes those that a backup brings and the data directory has not. Returns what takes them away again. */
export function putBackSecrets({ secrets }: Pick<Inspection, 'secrets'>): () => void {
  const written: string[] = [];
  if (!hasOwnSecrets()) {
    // Held against those of the services above; there may be no directory that could be written to.
    if (secrets.size > 0)
      console.error('sotto: the secrets stay in the backup: services have them');
    return () => undefined;
  }
  for (const name of SECRETS) {
    const text = secrets.get(name);
    const file = secretFile(name);
    if (text === undefined || readIfThere(file) !== undefined) continue;
    mkdirSync(dirname(dirname(file)), { recursive: true, mode: 0o711 });
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Whole or not there: an empty secret would stay for ever.
    const draft = `${file}.partial`;
    writeFileSync(draft, `${text}\n`, { mode: 0o600, flush: true });
    renameSync(draft, file);
    written.push(file);
  }
  return () => {
    for (const file of written) rmSync(file);
  };
}
