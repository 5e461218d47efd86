/** What is checked of the machine: its Node, its disks, and the files of the platform. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { INSECURE_DEFAULT_PREFIX, SECRET_LENGTH_MIN } from '@sotto/runtime';
import { secretsDirectory } from '../../services/standalone/src/config.ts';
import { glanceAt } from '../backup/glance.ts';
import {
  type Checks,
  type Finding,
  fail,
  ok,
  type Patient,
  skipped,
  unknown,
  warn,
} from './finding.ts';

const NODE_MAJOR = 26;

/** Below the first PostgreSQL soon stops; below the second there is little time left. */
const DISK_BYTES_MIN = 1024 ** 3;
const DISK_SHARE_MIN = 0.1;

/** A connection of a client costs two descriptors in one process, and a gateway takes thousands. */
const OPEN_FILES_MIN = 65_536;

/** A day, and time for the backup itself. */
const BACKUP_HOURS_MAX = 26;

const GIB = 1024 ** 3;

export const machineChecks: Checks = {
  node() {
    const major = Number.parseInt(process.versions.node, 10);
    if (major === NODE_MAJOR) return ok(`Node ${process.versions.node}`);
    return fail(`Node ${process.versions.node}`, `run it with Node ${NODE_MAJOR}: npm start does`);
  },
  secrets,
  'secret-files': secretFiles,
  'data-directory': dataDirectory,
  'disk-space': diskSpace,
  'open-files': openFiles,
  backup,
};

function secrets({ secrets: all, isEmbedded, config }: Patient): Finding {
  const known = [...all].flatMap(([name, values]) =>
    (values ?? []).map((value) => ({ name, value })),
  );
  if (known.length === 0) {
    return isEmbedded
      ? ok('none yet: the first start makes them')
      : unknown('not known here: services say at their start when one is missing or too short');
  }
  const faults = known.flatMap(({ name, value }) => {
    if (value.startsWith(INSECURE_DEFAULT_PREFIX)) return [`${name} is a published default`];
    if (value.length < SECRET_LENGTH_MIN) return [`${name} is too short`];
    if (new Set(value).size < DIFFERENT_MIN) return [`${name} is not random`];
    const twin = known.find((one) => one.name !== name && one.value === value);
    return twin === undefined ? [] : [`${name} is the same as ${twin.name}`];
  });
  faults.push(...triedFirst(config, isEmbedded));
  if (faults.length === 0) return ok(`${known.length} secrets, long and different`);
  return fail(faults.join('; '), 'set secrets of your own: openssl rand -base64 32 makes one');
}

/** Passwords of images and manuals, which whoever gets there tries. */
const TRIED_FIRST =
  /^(minio(admin|123)?|postgres|sotto|password|changeme|secret|admin|root|test)$/i;

function triedFirst({ s3, database }: Patient['config'], isEmbedded: boolean): string[] {
  const isStoreElsewhere = s3.endpoint !== undefined;
  return [
    ...(isStoreElsewhere && TRIED_FIRST.test(s3.secretKey) ? ['S3_SECRET_KEY is well known'] : []),
    ...(!isEmbedded && TRIED_FIRST.test(database.password) ? ['DB_PASSWORD is well known'] : []),
  ];
}

/** Of 32 random characters fewer are never different. */
const DIFFERENT_MIN = 10;

/** Nobody but their owner. */
function secretFiles({ config, environment, secrets: all }: Patient): Finding {
  const folder = secretsDirectory(config.data.directory);
  const kept = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  const named = [...all.keys()].flatMap((name) => environment[`${name}_FILE`] || []);
  const key = config.server.tls?.key;
  const files = [...kept, ...named, ...(key === undefined ? [] : [key])].filter(existsSync);
  if (files.length === 0) return skipped('no secret is in a file');
  const open = files.filter((file) => (statSync(file).mode & 0o077) !== 0);
  if (open.length === 0) return ok(`${files.length} files for their owner alone`);
  return warn(`others may read ${open.join(', ')}`, 'chmod 600, unless no other user is there');
}

function dataDirectory(patient: Patient): Finding {
  const { data } = patient.config;
  if (!isKeptHere(patient)) return skipped('nothing is kept in a directory');
  if (!existsSync(data.directory)) {
    return warn(`${data.directory} is not there`, 'start the platform once, or set DATA_DIR');
  }
  try {
    accessSync(data.directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return ok(data.directory);
  } catch {
    return fail(`${data.directory} cannot be written to`, 'run this as the user of the platform');
  }
}

/** False where the disks, and as a rule the processes, are others than those of this command. */
function isKeptHere({ config: { s3 }, isEmbedded }: Patient): boolean {
  return isEmbedded || s3.endpoint === undefined;
}

function diskSpace(patient: Patient): Finding {
  const { data } = patient.config;
  if (!isKeptHere(patient))
    return unknown('df on the disks of the database, the bus and the store');
  if (!existsSync(data.directory)) return unknown('there is no data directory');
  const { bavail, blocks, bsize } = statfsSync(data.directory);
  const [free, all] = [bavail * bsize, blocks * bsize];
  const says = `${(free / GIB).toFixed(1)} of ${(all / GIB).toFixed(1)} GiB free`;
  const todo = 'add disk, or shorten RETENTION_DAYS and FILE_RETENTION';
  if (free < DISK_BYTES_MIN) return fail(says, todo);
  return free < all * DISK_SHARE_MIN ? warn(says, todo) : ok(says);
}

function openFiles(patient: Patient): Finding {
  if (!isKeptHere(patient)) return unknown('/proc/self/limits in a container of a service says it');
  const limit = openFilesLimit();
  if (limit === undefined) return unknown('this system does not say');
  if (limit >= OPEN_FILES_MIN) return ok(`${limit} files at once`);
  return warn(
    `${limit} files at once`,
    `raise it to ${OPEN_FILES_MIN}: LimitNOFILE of systemd, ulimits of compose, ulimit -n`,
  );
}

function openFilesLimit(): number | undefined {
  try {
    const said = execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
    return said === 'unlimited' ? Number.POSITIVE_INFINITY : Number(said);
  } catch {
    // Images have no shell.
    return undefined;
  }
}

/** Of files that begin and end as backups do; whether all between is right, `npm run backup -- --verify` says. */
async function backup({ backups }: Patient): Promise<Finding> {
  if (backups === undefined) return unknown('say --backups FOLDER to have this checked');
  const found: { mtimeMs: number; missing: number }[] = [];
  for (const name of readdirSync(backups)) {
    const path = join(backups, name);
    if (name.endsWith('.partial') || !statSync(path).isFile()) continue;
    const glance = await glanceAt(path);
    if (glance !== undefined) found.push({ ...glance, mtimeMs: statSync(path).mtimeMs });
  }
  const newest = found.toSorted((one, other) => one.mtimeMs - other.mtimeMs).at(-1);
  const todo = `npm run backup -- ${backups}, every day`;
  if (newest === undefined) return fail('there is no backup', todo);
  const hours = (Date.now() - newest.mtimeMs) / 3_600_000;
  const says = `the newest of ${found.length} is ${hours.toFixed(0)} hours old`;
  if (hours > BACKUP_HOURS_MAX) return fail(says, todo);
  if (newest.missing === 0) return ok(says);
  return warn(`${says}, and lacks ${newest.missing} files`, 'see that it reads the right store');
}
