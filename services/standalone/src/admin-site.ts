/** Where the tables of a platform are, for the operator's commands beside it. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { type ConfigSource, type DatabaseSection, loadConfig } from '@sotto/runtime';
import type { z } from 'zod';
import { dataDirectoryOf, StandaloneConfig, secretsDirectory } from './config.ts';
import { runningPort } from './postmaster.ts';
import { DATABASE_NAME, type DataService, roleOf } from './roles.ts';
import { runningUrl } from './running.ts';

/** As much of the configuration as says where they are. */
const SiteConfig = StandaloneConfig.pick({ server: true, database: true, fields: true });

/** The services that have commands of their own. */
export type AdminService = Extract<DataService, 'auth' | 'message'>;

export interface Site {
  /** Of the service whose commands are meant. */
  database: DatabaseSection;
  fieldKeys: readonly string[];
  /** Where the platform is reached, for links. */
  baseUrl: string;
}

/**
 * The site that a configuration names: its database, or the embedded one of a platform that runs now. Throws a
 * ConfigError, or a one-line error when there is no platform, or none that runs.
 */
export function findSite(source: ConfigSource, dataDirectory: string, service: AdminService): Site {
  const directory = dataDirectoryOf(source, dataDirectory);
  const secrets = secretsDirectory(directory);
  // Read and never made: in a wrong directory they would be no platform's.
  const isHere = existsSync(secrets);
  if (!isHere && !source.environment.FIELD_KEYS && !source.environment.FIELD_KEYS_FILE) {
    throw new Error(`there is no platform in ${directory}: start it first, or set DATA_DIR`);
  }
  const defaults = isHere ? { FIELD_KEYS: readSecret(join(secrets, 'field')) } : {};
  const config = loadConfig(SiteConfig, { ...source, defaults });
  const scheme = config.server.tls === undefined ? 'http' : 'https';
  const configured = `${scheme}://localhost:${config.server.port}`;
  const [baseUrl = runningUrl(directory) ?? configured] = config.server.publicOrigins;
  const database = databaseOf(config, directory, service);
  return { database, fieldKeys: config.fields.keys, baseUrl };
}

function databaseOf(
  { database }: z.infer<typeof SiteConfig>,
  directory: string,
  service: AdminService,
): DatabaseSection {
  if (database.url !== undefined || database.host !== undefined) {
    return { ...database, host: database.host ?? 'localhost' };
  }
  const cluster = join(directory, 'postgres', 'data');
  const port = existsSync(cluster) ? runningPort(realpathSync(cluster)) : undefined;
  if (port === undefined) {
    throw new Error(`no platform runs on ${directory}: start it first, with npm start`);
  }
  return {
    host: '127.0.0.1',
    port,
    user: roleOf(service),
    password: readSecret(join(secretsDirectory(directory), `database-${service}`)),
    database: DATABASE_NAME,
  };
}

function readSecret(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    throw new Error(
      `${path} cannot be read (${code}): run this as the user who started the platform`,
    );
  }
}
