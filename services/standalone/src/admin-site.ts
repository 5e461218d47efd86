/** Where the accounts of a platform are, for the operator's commands beside it. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigSource, DatabaseSection } from '@sotto/runtime';
import {
  dataDirectoryOf,
  loadStandaloneConfig,
  type StandaloneConfig,
  secretsDirectory,
} from './config.ts';
import { runningPort } from './postmaster.ts';
import { DATABASE_NAME, roleOf } from './roles.ts';

export interface Site {
  database: DatabaseSection;
  fieldKeys: readonly string[];
  /** Where the platform is reached, for links. */
  baseUrl: string;
}

/**
 * The site that a configuration names: its database, or the embedded one of a platform that runs now. Throws a
 * ConfigError, or a one-line error when there is no platform, or none that runs.
 */
export function findSite(source: ConfigSource, dataDirectory: string): Site {
  const directory = dataDirectoryOf(source, dataDirectory);
  // Loading makes the secrets that are missing: in a wrong directory those would be no platform's.
  if (!existsSync(secretsDirectory(directory)) && !source.environment.FIELD_KEYS) {
    throw new Error(`there is no platform in ${directory}: start it first, or set DATA_DIR`);
  }
  const config = loadStandaloneConfig(source, { dataDirectory });
  const [baseUrl = `http://localhost:${config.server.port}`] = config.server.publicOrigins;
  return { database: databaseOf(config, directory), fieldKeys: config.fields.keys, baseUrl };
}

function databaseOf({ database }: StandaloneConfig, directory: string): DatabaseSection {
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
    user: roleOf('auth'),
    password: readSecret(join(secretsDirectory(directory), 'database-auth')),
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
