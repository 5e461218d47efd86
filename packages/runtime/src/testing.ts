/**
 * How tests find real servers. `scripts/test.ts` starts them once per run and says where they are by environment
 * variables; each call here makes a corner of its own on them, so that tests can run side by side.
 */
import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { ApiError } from '@sotto/api';
import pg from 'pg';
import { createMemoryCounters } from './counters-memory.ts';
import { createUserLimit, type Guards } from './guards.ts';
import { createMetrics } from './metrics.ts';
import { type DatabaseOptions, databaseOptions } from './postgres.ts';
import { createProofs } from './proof.ts';
import { anyOrigin } from './proof-origins.ts';
import { createLimiters } from './rate-limit.ts';
import { databaseSection } from './sections.ts';

export { type TestAuthority, testAuthority } from './testing-certificates.ts';
export { type CuttableWire, cuttableWire, freePort } from './testing-wire.ts';

export interface TestDatabase {
  /** For a schema of the new database, as its superuser. */
  options(schema: string): DatabaseOptions;
  /** Drops the database, and the connections that are still open to it. */
  close(): Promise<void>;
}

/** A fresh, empty database. Throws when TEST_DATABASE_URL is not set. */
export async function testDatabase(): Promise<TestDatabase> {
  const url = fromEnvironment('TEST_DATABASE_URL');
  const database = `test_${randomUUID().replaceAll('-', '')}`;
  await asSuperuser(url, `create database ${database}`);
  const section = { ...databaseSection.parse({}), url };
  return {
    options: (schema) => ({ ...databaseOptions(section, schema), database }),
    close: () => asSuperuser(url, `drop database if exists ${database} with (force)`),
  };
}

export interface TestNats {
  url: string;
  prefix: string;
  /** Deletes the streams made under the prefix: the server reserves disk for each. */
  close(): Promise<void>;
}

/** A prefix of its own on the NATS server. Throws when TEST_NATS_URL is not set. */
export function testNats(): TestNats {
  const url = fromEnvironment('TEST_NATS_URL');
  const prefix = `test-${randomUUID()}`;
  return { url, prefix, close: () => deleteStreams(url, prefix) };
}

/** A prefix of its own on the Redis server. Throws when TEST_REDIS_URL is not set. */
export function testRedis(): { url: string; prefix: string } {
  return { url: fromEnvironment('TEST_REDIS_URL'), prefix: `test-${randomUUID()}:` };
}

export interface TestS3 {
  endpoint: string;
  region: string;
  bucket: string;
  accessKey: string;
  secretKey: string;
}

/** A bucket of its own, to be created, on the S3 server. Throws when TEST_S3_ENDPOINT or a key is not set. */
export function testS3(): TestS3 {
  return {
    endpoint: fromEnvironment('TEST_S3_ENDPOINT'),
    region: 'us-east-1',
    bucket: `test-${randomUUID()}`,
    accessKey: fromEnvironment('TEST_S3_ACCESS_KEY'),
    secretKey: fromEnvironment('TEST_S3_SECRET_KEY'),
  };
}

/**
 * Guards of a service that a test plays: no limits to speak of, and, unless the test brings its own, no access token is
 * good. Their counters end with the process.
 */
export function testGuards(
  internalSecret: string,
  authenticate: Guards['authenticate'] = async () => {
    throw new ApiError('auth.token-invalid');
  },
): Guards {
  const counters = createMemoryCounters();
  const limiters = createLimiters({ counters, metrics: createMetrics('test') });
  return {
    authenticate,
    internalSecret,
    proofs: createProofs({ counters, internalSecret, origins: anyOrigin, clock: Date.now }),
    userLimit: createUserLimit(limiters, 1_000_000),
  };
}

function fromEnvironment(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') {
    throw new Error(`${name} is not set: run the tests with "npm test", which starts the servers`);
  }
  return value;
}

async function asSuperuser(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function deleteStreams(url: string, prefix: string): Promise<void> {
  const connection = await connect({ servers: new URL(url).host });
  try {
    const { streams } = await jetstreamManager(connection);
    for await (const { config } of streams.list()) {
      if (config.name.startsWith(prefix)) await streams.delete(config.name);
    }
  } finally {
    await connection.close();
  }
}
