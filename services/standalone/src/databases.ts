/** PostgreSQL for the services: the one that the configuration names, or one of our own. */
import { join } from 'node:path';
import type { DatabaseSection } from '@sotto/runtime';
import { type StandaloneConfig, secretsDirectory } from './config.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';
import { DATA_SERVICES, DATABASE_NAME, type DataService, prepareRoles, roleOf } from './roles.ts';
import { secret } from './secrets.ts';

/** How each service reaches its schema. */
export interface Databases {
  sections: Readonly<Record<DataService, DatabaseSection>>;
  close(): Promise<void>;
}

/** Starts the embedded server unless the configuration names another. `onFailure` hears when it is lost for good. */
export async function openDatabases(
  { data, database }: StandaloneConfig,
  onFailure: (error: Error) => void,
): Promise<Databases> {
  if (database.url !== undefined || database.host !== undefined) {
    const section = { ...database, host: database.host ?? 'localhost' };
    return { sections: forEach(() => section), close: async () => undefined };
  }
  const secrets = secretsDirectory(data.directory);
  const password = secret(secrets, 'postgres');
  const server = await startEmbeddedPostgres({
    directory: join(data.directory, 'postgres'),
    password,
    logFile: join(data.directory, 'logs', 'postgres.log'),
    onFailure,
  });
  const passwords = forEach((service) => secret(secrets, `database-${service}`));
  try {
    await prepareRoles({ port: server.port, password }, passwords);
  } catch (error) {
    await server.close();
    throw error;
  }
  const sections = forEach((service) => ({
    host: '127.0.0.1',
    port: server.port,
    user: roleOf(service),
    password: passwords[service],
    database: DATABASE_NAME,
  }));
  return { sections, close: server.close };
}

function forEach<Value>(make: (service: DataService) => Value): Record<DataService, Value> {
  const [auth, key, message, file] = DATA_SERVICES;
  return { auth: make(auth), key: make(key), message: make(message), file: make(file) };
}
