/**
 * Makes the platform's secrets at first start and hands each container its own.
 *
 *     node make-secrets.ts --kept /secrets --handed /for
 *     node make-secrets.ts --set NAME < FILE     # a secret of somebody else's, such as a database's password
 *
 * All of them are kept in one folder, which no other container mounts; the other has a folder for each that needs some.
 * A secret that exists is never changed by itself, so this runs at every start, and takes over what earlier versions made.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

/** One container. */
export interface Recipient {
  /** The user that it reads them as; `any` where that differs between images, as only this container mounts the folder. */
  user: number | 'any';
  secrets: readonly string[];
}

/** By the names of the containers' folders. */
export type Recipients = Readonly<Record<string, Recipient>>;

/** Of our images, and of MinIO's, which runs as root. */
const NODE = 65_532;
const ROOT = 0;

/** Who needs what. PostgreSQL's user is 999 in its image on Debian and 70 on Alpine. */
export const recipients: Recipients = {
  gateway: { user: NODE, secrets: ['internal'] },
  auth: {
    user: NODE,
    secrets: ['internal', 'database-auth', 'jwt-access', 'jwt-refresh', 'field'],
  },
  key: { user: NODE, secrets: ['internal', 'database-key', 'key-log'] },
  message: { user: NODE, secrets: ['internal', 'database-message'] },
  file: { user: NODE, secrets: ['internal', 'database-file', 's3-access-key', 's3-secret-key'] },
  postgres: {
    user: 'any',
    secrets: ['postgres', 'database-auth', 'database-key', 'database-message', 'database-file'],
  },
  minio: { user: ROOT, secrets: ['s3-access-key', 's3-secret-key'] },
};

/** Only their owner reads them. */
const MODE = 0o400;
const MODE_FOR_ANY = 0o444;

export interface Folders {
  /** All secrets. */
  kept: string;
  /** The recipients' folders. */
  handed: string;
}

/** Makes what is missing, and brings each recipient's folder up to date. Throws when it may not give files away. */
export function makeSecrets({ kept, handed }: Folders, containers: Recipients): void {
  const all = new Set(Object.values(containers).flatMap(({ secrets }) => secrets));
  mkdirSync(kept, { recursive: true });
  for (const name of all) keep(join(kept, name));
  for (const [container, { user, secrets }] of Object.entries(containers)) {
    const folder = join(handed, container);
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) {
      // What it needed once, or was being written when a start was cut off.
      if (!secrets.includes(name)) rmSync(join(folder, name));
    }
    for (const name of secrets) hand(join(kept, name), join(folder, name), user);
  }
}

/** Puts a secret in the place of what was made. Throws when nobody is given one of that name, or it is empty. */
export function setSecret(
  kept: string,
  name: string,
  { text, containers }: { text: string; containers: Recipients },
): void {
  const isKnown = Object.values(containers).some(({ secrets }) => secrets.includes(name));
  if (!isKnown) throw new Error(`no container is given a secret ${name}`);
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw new Error(`the secret ${name} is empty`);
  mkdirSync(kept, { recursive: true });
  place(join(kept, name), secret);
}

function keep(file: string): void {
  // An empty one was cut off while earlier versions wrote it, and nobody starts with it.
  const isMade = existsSync(file) && readFileSync(file).length > 0;
  // Earlier versions left it readable for all, as all containers mounted it.
  if (isMade) chmodSync(file, MODE);
  else place(file, randomBytes(32).toString('hex'));
}

function hand(from: string, to: string, user: Recipient['user']): void {
  place(to, readFileSync(from, 'utf8'), (draft) => {
    if (user === 'any') chmodSync(draft, MODE_FOR_ANY);
    else chownSync(draft, user, user);
  });
}

/**
 * Puts a whole file there at once, as a container may be reading it; and on the disk before anybody goes by it, as
 * PostgreSQL remembers for good what it was told once.
 */
function place(file: string, text: string, give?: (draft: string) => void): void {
  const draft = `${file}.next`;
  // What a start that was cut off has left may not be written to.
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { mode: MODE, flush: true });
  give?.(draft);
  renameSync(draft, file);
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      kept: { type: 'string', default: '/secrets' },
      handed: { type: 'string', default: '/for' },
      set: { type: 'string' },
    },
  });
  if (values.set !== undefined) {
    const text = readFileSync(process.stdin.fd, 'utf8');
    setSecret(values.kept, values.set, { text, containers: recipients });
  }
  makeSecrets(values, recipients);
}
