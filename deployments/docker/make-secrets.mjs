/**
 * Makes the platform's secrets at first start, one file each, in the volume given as argument.
 * A secret that exists is never changed, so this may run at every start.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SECRETS = [
  'postgres',
  'database-auth',
  'database-key',
  'database-message',
  'database-file',
  'jwt-access',
  'jwt-refresh',
  'internal',
  'field',
  'key-log',
  's3-access-key',
  's3-secret-key',
];

const folder = process.argv[2] ?? '/secrets';
mkdirSync(folder, { recursive: true });
for (const name of SECRETS) {
  try {
    // World-readable within the volume: it is mounted into the platform's own containers only, whose users differ.
    writeFileSync(join(folder, name), randomBytes(32).toString('hex'), { flag: 'wx', mode: 0o444 });
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
}
