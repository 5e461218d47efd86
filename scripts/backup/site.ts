/** The platform that is backed up or restored: its database, its files, its secrets. */
import { createHmac } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Blobs,
  CommandError,
  type ConfigSource,
  type DatabaseSection,
  databaseOptions,
  EXIT_CONFIG,
  loadConfig,
  openDirectoryBlobs,
  openS3Blobs,
  readDirectoryBlobs,
} from '@sotto/runtime';
import pg from 'pg';
import { z } from 'zod';
import { FileConfig } from '../../services/file/src/config.ts';
import {
  dataDirectoryOf,
  loadStandaloneConfig,
  StandaloneConfig,
  secretsDirectory,
} from '../../services/standalone/src/config.ts';
import { lockData } from '../../services/standalone/src/data-lock.ts';
import { type Databases, openDatabases } from '../../services/standalone/src/databases.ts';
import { makeDirectory } from '../../services/standalone/src/directories.ts';
import { runningPort } from '../../services/standalone/src/postmaster.ts';
import { DATA_SERVICES, DATABASE_NAME } from '../../services/standalone/src/roles.ts';

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/** As `npm start` finds its own. */
export const source: ConfigSource = { environment: process.env, file: path('config.yaml') };
const byDefault = path('.data');

/** As much of the configuration as says where things are: no service's secrets are asked for. */
const SiteConfig = z.object({
  data: StandaloneConfig.shape.data,
  database: StandaloneConfig.shape.database,
  s3: FileConfig.shape.s3,
  file: FileConfig.shape.file,
});
type SiteConfig = z.output<typeof SiteConfig>;

export interface Site {
  /** A role that reads, and for a restore writes, the schemas of all services. */
  connection: pg.ClientConfig;
  blobs: Pick<Blobs, 'get'>;
  /** For a restore, with no platform running. Close it. */
  openBlobs(): Promise<Blobs>;
  close(): Promise<void>;
}

/** Where the data lies, though nothing may be there yet. */
export function dataDirectory(): string {
  return dataDirectoryOf(source, byDefault);
}

/** True when the database is one that the configuration names, and not the embedded one. */
export function isDatabaseElsewhere(): boolean {
  const { database } = readSiteConfig();
  return database.url !== undefined || database.host !== undefined;
}

/** The platform, also while it runs. An embedded database that does not run is started for as long as this is open. */
export async function openSiteBeside(): Promise<Site> {
  const config = readSiteConfig();
  const { directory } = config.data;
  const section = findSection(config);
  if (section !== undefined) {
    refuseNoStore(config);
    return siteOf(config, forEach(section), async () => undefined);
  }
  if (!existsSync(clusterIn(directory))) {
    throw new Error(`there is no platform in ${directory}: set DATA_DIR or DATABASE_URL`);
  }
  return openSiteAlone();
}

/** Beside a database elsewhere a store that nobody named is most likely one that was forgotten. */
function refuseNoStore({ s3, file }: SiteConfig): void {
  if (!isDatabaseElsewhere() || s3.endpoint !== undefined || existsSync(file.directory)) return;
  throw new CommandError(
    `there are no files in ${file.directory}: set S3_ENDPOINT, or make the folder that FILE_DIRECTORY names`,
    EXIT_CONFIG,
  );
}

/** How to connect to the database of a platform that runs; undefined when it is an embedded one that does not. */
export function findConnection(): pg.ClientConfig | undefined {
  const config = readSiteConfig();
  const section = findSection(config);
  return section && siteOf(config, forEach(section), async () => undefined).connection;
}

/** The same as a section of the configuration: of a role that reaches the schemas of all services. */
export function findDatabase(): DatabaseSection | undefined {
  return findSection(readSiteConfig());
}

/** How services reach the database that the configuration names; undefined beside an embedded one. */
export function databasesElsewhere(): Databases['sections'] | undefined {
  const { database } = readSiteConfig();
  const { host = 'localhost' } = database;
  return isDatabaseElsewhere() ? forEach({ ...database, host }) : undefined;
}

function findSection(config: SiteConfig): DatabaseSection | undefined {
  const { database, data } = config;
  if (isDatabaseElsewhere()) return { ...database, host: database.host ?? 'localhost' };
  const cluster = clusterIn(data.directory);
  const port = existsSync(cluster) ? runningPort(realpathSync(cluster)) : undefined;
  return port === undefined
    ? undefined
    : { host: '127.0.0.1', port, ...superuserOf(data.directory) };
}

function clusterIn(directory: string): string {
  return join(directory, 'postgres', 'data');
}

/** The platform with nothing else running on it; what is not there of it is made. */
export async function openSiteAlone(): Promise<Site> {
  const config = readSiteConfig();
  const { directory } = config.data;
  if (isDatabaseElsewhere()) return openSiteBeside();
  const lock = lockData(directory);
  try {
    const standalone = loadStandaloneConfig(source, { dataDirectory: byDefault });
    // In a directory where no platform has run yet; its log goes there.
    makeDirectory(join(directory, 'logs'), 0o700);
    const databases = await openDatabases(standalone, (error) => console.error(error.message));
    return siteOf(config, databases.sections, async () => {
      await databases.close();
      lock.close();
    });
  } catch (error) {
    lock.close();
    throw error;
  }
}

function readSiteConfig(): SiteConfig {
  const directory = dataDirectory();
  const defaults = { DATA_DIR: byDefault, FILE_DIRECTORY: join(directory, 'blobs') };
  return loadConfig(SiteConfig, { ...source, defaults });
}

function siteOf(config: SiteConfig, sections: Databases['sections'], close: Site['close']): Site {
  const { s3, data } = config;
  const { endpoint } = s3;
  // `npm start` on its own database keeps them there, whatever FILE_DIRECTORY says.
  const file = isDatabaseElsewhere() ? config.file : { directory: join(data.directory, 'blobs') };
  const section = isDatabaseElsewhere()
    ? sections.message
    : { ...sections.message, ...superuserOf(data.directory) };
  const { schema: _, ...connection } = databaseOptions(section, 'message');
  return {
    connection: { ...connection, keepAlive: true, application_name: 'sotto-backup' },
    blobs:
      endpoint === undefined
        ? readDirectoryBlobs(file)
        : lazily(() => openS3Blobs({ ...s3, endpoint, mustExist: true })),
    openBlobs: async () => {
      return endpoint === undefined ? openDirectoryBlobs(file) : openS3Blobs({ ...s3, endpoint });
    },
    close,
  };
}

/** Asked for when the first blob is. */
function lazily(open: () => Promise<Blobs>): Pick<Blobs, 'get'> {
  let opened: Promise<Blobs> | undefined;
  return {
    async get(key, range) {
      opened ??= open();
      return (await opened).get(key, range);
    },
  };
}

function forEach(section: DatabaseSection): Databases['sections'] {
  const [auth, key, message, file] = DATA_SERVICES;
  return { [auth]: section, [key]: section, [message]: section, [file]: section };
}

function superuserOf(directory: string): Pick<DatabaseSection, 'user' | 'password' | 'database'> {
  const file = join(secretsDirectory(directory), 'postgres');
  return {
    user: 'postgres',
    password: readFileSync(file, 'utf8').trimEnd(),
    database: DATABASE_NAME,
  };
}

/** Connects with no bound on the time of a statement: a table is one. */
export async function connectTo({ connection }: Pick<Site, 'connection'>): Promise<pg.Client> {
  const client = new pg.Client(connection);
  // The statement under way says so.
  client.on('error', () => undefined);
  await client.connect();
  await client.query(`set statement_timeout = 0; set idle_in_transaction_session_timeout = 0;
    set idle_session_timeout = 0; set timezone = 'UTC'`);
  return client;
}

/** The secrets without which rows cannot be read or clients lose trust: their files, and their variables. */
export const NEEDED = { FIELD_KEYS: 'field', KEY_LOG_SECRET: 'key-log' } as const;

/** All that a data directory keeps of them. The passwords of its database are not among them: each database has its own. */
export const SECRETS = ['jwt-access', 'jwt-refresh', 'internal', 'field', 'key-log'] as const;

/** True where the data directory is known to keep the platform's secrets: beside a database elsewhere, one that is named. */
export function hasOwnSecrets(): boolean {
  return !isDatabaseElsewhere() || Boolean(process.env.DATA_DIR);
}

/** Of a list of keys with commas between, each. */
export function fingerprintsOf(text: string): string[] {
  return text.split(',').map((key) => fingerprintOf(key.trim()));
}

/** Tells secrets apart and says nothing of them: they are random, and 64 bits of a MAC lead nowhere. */
export function fingerprintOf(secret: string): string {
  return createHmac('sha256', secret).update('sotto backup').digest('hex').slice(0, 16);
}

/** By variable, of the secrets that are known here, each with all of its keys. */
export function knownFingerprints(): Map<string, string[]> {
  const known = new Map<string, string[]>();
  for (const [variable, file] of Object.entries(NEEDED)) {
    const named = process.env[`${variable}_FILE`] || (hasOwnSecrets() ? secretFile(file) : '');
    const text = process.env[variable] || readIfThere(named);
    if (text) known.set(variable, fingerprintsOf(text));
  }
  return known;
}

/** Where a data directory keeps a secret. */
export function secretFile(name: string): string {
  return join(secretsDirectory(dataDirectory()), name);
}

/** The text of a secret's file; undefined when there is none. */
export function readIfThere(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd() : undefined;
}
