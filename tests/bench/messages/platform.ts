/**
 * The platform to be measured: five processes over PostgreSQL, NATS and Redis, all as they are shipped, with accounts and
 * conversations in them.
 *
 * Accounts are written where the message service keeps its copies of them, and their tokens are signed with the
 * platform's own secret: passwords are not what is measured here. Everything else goes in by the front door.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMembershipLog, digestDeviceLists, type Identity, makeIdentity } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { startEmbeddedPostgres } from '@sotto/standalone/embedded-postgres';
import { freePort } from '@sotto/standalone/free-port';
import pg from 'pg';
import { createAccessTokens } from '../../../services/auth/src/tokens.ts';
import { NO_LIMITS } from '../../cluster.ts';
import { waitFor } from '../../daemon.ts';
import { startProcess } from '../../platform-process.ts';
import { startNats, startRedis } from '../../servers.ts';
import type { Group } from './device.ts';
import { childrenOf } from './processes.ts';

/** What a client has to know; the processes of a run hand it to each other in a file. */
export interface Place {
  url: string;
  tokenSecret: string;
  /** Ids of conversations of two, by `pairOf`. */
  pairs: Record<string, string>;
  /** The first 200 users. */
  group?: Group;
}

export interface MeasuredPlatform {
  place: Place;
  /** Every process of it, those of the servers below it included. */
  roots: number[];
  pids: Readonly<Record<(typeof SERVICES)[number], number>>;
  stop(): Promise<void>;
}

export interface MeasuredPlatformOptions {
  directory: string;
  users: number;
}

const SERVICES = ['auth', 'key', 'message', 'file', 'gateway'] as const;

const READY_MS = 20_000;

const MESSAGES_PER_CONVERSATION = 100;

/** Users who write to each other in pairs, those of them who are in the group, and those for whom the first leaves messages. */
const PAIRED_USERS = 220;
const GROUP_USERS = 200;
const ABSENT_USERS = { from: 100, to: 120 };

/**
 * Opens everything. With BENCH_PROFILES, a directory, each process leaves a CPU profile there; with BENCH_STORED, a number,
 * so many messages are in the database already.
 */
export async function startMeasuredPlatform(
  options: MeasuredPlatformOptions,
): Promise<MeasuredPlatform> {
  await using opened = new AsyncDisposableStack();
  const servers = await startServers(options.directory, opened);
  const tokenSecret = secret();
  const { processes, url } = await startServices(opened, {
    ...servers.environment,
    ...NO_LIMITS,
    ...profiling(),
    FILE_DIRECTORY: join(options.directory, 'files'),
    JWT_ACCESS_SECRET: tokenSecret,
  });
  const place: Place = { url, tokenSecret, pairs: {} };
  const founder = makeIdentity(nodeProvider);
  await fillIn(servers.databaseUrl, { users: options.users, founder });
  await befriend(place, Math.min(options.users, PAIRED_USERS));
  place.group = await found(place, founder);
  opened.defer(() => rmSync(placeFile(process.pid), { force: true }));
  writeFileSync(placeFile(process.pid), JSON.stringify(place), { mode: 0o600 });
  const running = opened.move();
  return {
    place,
    roots: childrenOf(process.pid),
    pids: processes,
    stop: () => running.disposeAsync(),
  };
}

/** What the process that started the platform wrote down. */
export function readPlace(starter: number): Place {
  return JSON.parse(readFileSync(placeFile(starter), 'utf8'));
}

function placeFile(starter: number): string {
  return join(tmpdir(), `sotto-bench-${starter}.json`);
}

async function startServers(directory: string, opened: AsyncDisposableStack) {
  chmodSync(directory, 0o711);
  const own = (name: string): string => {
    const path = join(directory, name);
    mkdirSync(path, { mode: 0o711 });
    return path;
  };
  const password = randomBytes(16).toString('hex');
  const postgres = await startEmbeddedPostgres({
    directory: own('postgres'),
    password,
    logFile: join(directory, 'postgres.log'),
  });
  opened.defer(() => postgres.close());
  const databaseUrl = `postgres://postgres:${password}@127.0.0.1:${postgres.port}/postgres`;
  const nats = await startNats(own('nats'), process.env);
  opened.defer(() => nats.close());
  const redis = await startRedis(own('redis'), process.env);
  opened.defer(() => redis.close());
  const environment = {
    DATABASE_URL: databaseUrl,
    NATS_URL: nats.environment.TEST_NATS_URL ?? '',
    REDIS_URL: redis.environment.TEST_REDIS_URL ?? '',
  };
  return { databaseUrl, environment };
}

async function startServices(
  opened: AsyncDisposableStack,
  environment: Readonly<Record<string, string>>,
) {
  const ports = await Promise.all(SERVICES.map(async (name) => [name, await freePort()] as const));
  const addresses = ports.map(([name, port]) => [
    `${name.toUpperCase()}_URL`,
    `http://127.0.0.1:${port}`,
  ]);
  const shared = {
    ...{ JWT_REFRESH_SECRET: secret(), INTERNAL_SECRET: secret(), FIELD_KEYS: secret() },
    ...{ KEY_LOG_SECRET: secret(), LOG_LEVEL: 'warn' },
    ...Object.fromEntries(addresses),
    ...environment,
  };
  const started = ports.map(async ([name, port]) => {
    const variables = { ...shared, SERVER_PORT: String(port) };
    const one = await startProcess(`services/${name}/src/main.ts`, variables);
    opened.defer(async () => void (await one.stop()));
    return [name, one.pid] as const;
  });
  const processes = Object.fromEntries(await Promise.all(started)) as MeasuredPlatform['pids'];
  const url = shared.GATEWAY_URL ?? '';
  await waitFor(async () => (await fetch(`${url}/health/ready`)).ok, READY_MS);
  return { processes, url };
}

function profiling(): Record<string, string> {
  const directory = process.env.BENCH_PROFILES;
  if (directory === undefined) return {};
  return { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${directory} --cpu-prof-interval=250` };
}

/** Users with one device each, known to the message service; the first of them has an identity, to found a group with. */
async function fillIn(
  connectionString: string,
  { users, founder }: { users: number; founder: Identity },
): Promise<void> {
  const client = new pg.Client({ connectionString, options: '-c search_path=message' });
  await client.connect();
  const everybody = Array.from({ length: users }, (_, i) => i);
  await client.query(
    `insert into accounts (user_id, username, folded)
     select id, 'u' || at, 'u' || at from unnest($1::uuid[]) with ordinality as u (id, at)`,
    [everybody.map(userId)],
  );
  await client.query(
    `insert into device_lists (user_id, version, devices)
     select id, 1, array[device] from unnest($1::uuid[], $2::uuid[]) as u (id, device)`,
    [everybody.map(userId), everybody.map(deviceId)],
  );
  await store(client, Number(process.env.BENCH_STORED ?? 0));
  await client.query(
    `insert into key.identity_keys (user_id, public_key, list_version, published_at)
     values ($1, $2, 1, now())`,
    [userId(0), Buffer.from(founder.publicKey)],
  );
  await client.end();
}

/** Messages of others, a hundred in each conversation, as if they had been sent. */
async function store(client: pg.Client, messages: number): Promise<void> {
  const conversations = Math.ceil(messages / MESSAGES_PER_CONVERSATION);
  const id = (head: string, value: string) =>
    `('${head}' || lpad(to_hex(${value}), 12, '0'))::uuid`;
  const conversation = id('22222222-0000-4000-8000-', 'c');
  const message = id('00000000-0000-7000-8000-', `c * ${MESSAGES_PER_CONVERSATION} + m`);
  const sender = id('33333333-0000-4000-8000-', 'c');
  await client.query(
    `insert into conversations (id, kind, pair_low, pair_high, last_seq)
     select ${conversation}, 'direct', ${sender}, ${id('44444444-0000-4000-8000-', 'c')}, ${MESSAGES_PER_CONVERSATION}
     from generate_series(1, ${conversations}) as c`,
  );
  const all = `from generate_series(1, ${conversations}) as c, generate_series(1, ${MESSAGES_PER_CONVERSATION}) as m`;
  await client.query(
    `insert into messages (conversation, seq, sent_at, id, kind, sender_user, sender_device, recipients)
     select ${conversation}, m, now(), ${message}, 1, ${sender}, ${sender}, decode(repeat('ab', 320), 'hex') ${all}`,
  );
  await client.query(
    `insert into message_ids (id, sender_device, conversation, seq, sent_at, sha256)
     select ${message}, ${sender}, ${conversation}, m, now(), decode(repeat('cd', 32), 'hex') ${all}`,
  );
}

async function befriend(place: Place, users: number): Promise<void> {
  const token = tokens(place);
  const pairs: [number, number][] = [];
  for (let i = 0; i + 1 < users; i += 2) pairs.push([i, i + 1]);
  for (let i = ABSENT_USERS.from; i < Math.min(users, ABSENT_USERS.to); i++) pairs.push([0, i]);
  for (const [one, other] of pairs) {
    const body = { kind: 'direct', with: userId(other) };
    place.pairs[pairOf(one, other)] = await open(place, await token(one), body);
  }
}

/** The first 200 users in one group. */
async function found(place: Place, identity: Identity): Promise<Group> {
  const members = Array.from({ length: GROUP_USERS }, (_, i) => userId(i));
  const [user = '', ...users] = members;
  // A UUIDv7, as those of all groups are.
  const conversation = `${userId(1).slice(0, 14)}7${userId(1).slice(15)}`;
  const author = { user, identity };
  const log = { conversation, time: Date.now(), users };
  const { encoded } = createMembershipLog(nodeProvider, author, log);
  const entry = Buffer.from(encoded).toString('base64url');
  await open(place, await tokens(place)(0), { kind: 'group', entry });
  const versions = members.map((one) => ({ user: one, version: 1 }));
  const lists = Buffer.from(digestDeviceLists(nodeProvider, versions)).toString('base64url');
  return { conversation, version: 1, lists };
}

async function open(place: Place, token: string, body: object): Promise<string> {
  const response = await fetch(`${place.url}/api/v1/conversations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`no conversation: ${await response.text()}`);
  const { id }: { id: string } = await response.json();
  return id;
}

/** Signs tokens for users by number, each good for a quarter of an hour. */
export function tokens({ tokenSecret }: Place): (user: number) => Promise<string> {
  const minting = createAccessTokens({
    ...{ secrets: [tokenSecret], issuer: 'sotto', audience: 'sotto', lifeMs: 900_000 },
  });
  return async (user) => {
    const who = { user: userId(user), device: deviceId(user), session: randomUUID() };
    return (await minting).mint({ ...who, generation: 0 } as never, Date.now());
  };
}

/** The name of two users' conversation, whoever writes. */
export function pairOf(one: number, other: number): string {
  return `${Math.min(one, other)} ${Math.max(one, other)}`;
}

export function userId(i: number): string {
  return `00000000-0000-4000-8000-${i.toString(16).padStart(12, '0')}`;
}

export function deviceId(i: number): string {
  return `11111111-0000-4000-8000-${i.toString(16).padStart(12, '0')}`;
}

function secret(): string {
  return randomBytes(32).toString('base64url');
}
