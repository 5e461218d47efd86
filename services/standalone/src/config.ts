/** The configuration of the standalone platform: that of all services, one file and one environment for all. */
import { join } from 'node:path';
import { AuthConfig } from '@sotto/auth';
import { FileConfig } from '@sotto/file';
import { GatewayConfig } from '@sotto/gateway';
import { KeyConfig } from '@sotto/key';
import { MessageConfig } from '@sotto/message';
import { type ConfigSource, databaseSection, loadConfig, serverSection } from '@sotto/runtime';
import { z } from 'zod';
import { lanEnvironment } from './lan.ts';
import { secret } from './secrets.ts';

const dataSection = z.strictObject({
  /** Everything that the platform keeps. */
  directory: z.string().min(1).meta({ env: 'DATA_DIR' }),
});

const DataConfig = z.object({ data: dataSection });

/** The services' sections. What differs: where it listens, and that a database need not be named. */
export const StandaloneConfig = z.object({
  ...GatewayConfig.shape,
  ...MessageConfig.shape,
  ...KeyConfig.shape,
  ...FileConfig.shape,
  ...AuthConfig.shape,
  data: dataSection,
  server: serverSection(8080),
  database: databaseSection.extend({
    /** Left out, with `url` left out too, the platform runs a PostgreSQL of its own. */
    host: z.string().min(1).optional().meta({ env: 'DB_HOST' }),
  }),
});
export type StandaloneConfig = z.infer<typeof StandaloneConfig>;

export interface LoadOptions {
  /** Where everything lies when the configuration does not say. */
  dataDirectory: string;
  /** Serve a private network: see `lan.ts`. */
  lan?: boolean;
  /** The web client's build, where there is one. */
  webClient?: string | undefined;
}

/**
 * The configuration, with secrets made and kept below the data directory where none are given. Throws a ConfigError
 * that lists every fault.
 */
export function loadStandaloneConfig(
  source: ConfigSource,
  { dataDirectory, lan = false, webClient }: LoadOptions,
): StandaloneConfig {
  const directory = dataDirectoryOf(source, dataDirectory);
  const secrets = secretsDirectory(directory);
  return loadConfig(StandaloneConfig, {
    ...source,
    environment: lan ? onLan(source.environment, directory) : source.environment,
    defaults: {
      DATA_DIR: dataDirectory,
      ...(webClient !== undefined && { GATEWAY_WEB_CLIENT: webClient }),
      JWT_ACCESS_SECRET: secret(secrets, 'jwt-access'),
      JWT_REFRESH_SECRET: secret(secrets, 'jwt-refresh'),
      INTERNAL_SECRET: secret(secrets, 'internal'),
      FIELD_KEYS: secret(secrets, 'field'),
      KEY_LOG_SECRET: secret(secrets, 'key-log'),
    },
  });
}

/** What was asked for on the command line counts more than the file, and less than a variable. */
function onLan(environment: ConfigSource['environment'], dataDirectory: string) {
  const wanted = Object.entries(lanEnvironment(dataDirectory));
  const added = wanted.filter(([name]) => !environment[name]);
  return { ...environment, ...Object.fromEntries(added) };
}

/** The data directory that a configuration names, and nothing made in it. Throws a ConfigError. */
export function dataDirectoryOf(source: ConfigSource, byDefault: string): string {
  return loadConfig(DataConfig, { ...source, defaults: { DATA_DIR: byDefault } }).data.directory;
}

/** Where the secrets of a data directory lie. */
export function secretsDirectory(dataDirectory: string): string {
  return join(dataDirectory, 'secrets');
}
