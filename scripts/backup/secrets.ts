/** Secrets of a backup, and whether those of the platform are the same. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CommandError } from '@sotto/runtime';
import type { Inspection } from './inspect.ts';
import {
  isDatabaseElsewhere,
  knownFingerprints,
  readIfThere,
  SECRETS,
  secretFile,
} from './site.ts';

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
  if (others || secrets.size > 0) return;
  const known = knownFingerprints();
  for (const [variable, fingerprint] of Object.entries(header.fingerprints)) {
    const here = known.get(variable);
    if (here?.includes(fingerprint)) continue;
    // In a container that restores, the services' secrets need not be known.
    if (here === undefined && isDatabaseElsewhere()) continue;
    throw new CommandError(
      `${variable} is ${here === undefined ? 'not here' : 'another one than the backup’s'}: put the ` +
        'secrets back first, or say --other-secrets',
    );
  }
}

/** Writes those that a backup brings and the data directory has not. */
export function putBackSecrets({ secrets }: Pick<Inspection, 'secrets'>): void {
  if (isDatabaseElsewhere() && secrets.size > 0) {
    console.error('sotto: the secrets go to the data directory; services read them from elsewhere');
  }
  for (const name of SECRETS) {
    const text = secrets.get(name);
    const file = secretFile(name);
    if (text === undefined || readIfThere(file) !== undefined) continue;
    mkdirSync(dirname(dirname(file)), { recursive: true, mode: 0o711 });
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, `${text}\n`, { flag: 'wx', mode: 0o600 });
  }
}
