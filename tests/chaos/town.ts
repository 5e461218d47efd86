/**
 * The platform of a run: two message services, gateway, PostgreSQL, NATS and Redis, and between them wires that can be
 * cut. Everything that can happen to them is a strike with a name.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@sotto/standalone/free-port';
import { NO_LIMITS } from '../cluster.ts';
import { waitFor } from '../daemon.ts';
import { type Postgres, startNats, startPostgres, startRedis } from './backends.ts';
import { type Machine, startService } from './machine.ts';
import { openResidents, type Resident, type Residents } from './residents.ts';
import { type Cuttable, createStrikes, type Strikes } from './strikes.ts';
import { openWire, type Wire } from './wire.ts';

export interface Town {
  /** Where clients call. */
  origin: string;
  residents: Residents;
  postgresVersion: string;
  strikes: Strikes;
  close(): Promise<void>;
}

export interface TownOptions {
  users: number;
  devices: number;
  /** Servers of NATS: one, or three with three copies of each stream. */
  natsServers: number;
}

type Environment = Record<string, string>;
type Own = <Owned extends { close(): Promise<void> }>(resource: Owned) => Owned;

/** Starts everything. Leaves nothing when something does not start. */
export async function openTown(options: TownOptions): Promise<Town> {
  await using opened = new AsyncDisposableStack();
  const own: Own = (resource) => {
    opened.defer(() => resource.close());
    return resource;
  };
  // Not the system's own: its path may be too long for what servers put there.
  const directory = mkdtempSync('/tmp/sotto-chaos-');
  opened.defer(async () => rmSync(directory, { recursive: true, force: true }));
  chmodSync(directory, 0o711);
  mkdirSync(join(directory, 'postgres'), { mode: 0o711 });
  const password = randomBytes(16).toString('hex');
  const [residents, postgres, nats, redis] = await Promise.all([
    openResidents(options.users, options.devices),
    startPostgres(join(directory, 'postgres'), password),
    startNats(directory, options.natsServers),
    startRedis(directory),
  ]);
  for (const resource of [residents, postgres, ...nats.machines, redis.machine]) own(resource);
  const redisWire = own(await openWire([redis.port]));
  const shared: Environment = {
    ...NO_LIMITS,
    INTERNAL_SECRET: randomBytes(32).toString('base64url'),
    REDIS_URL: `redis://127.0.0.1:${redisWire.port}`,
    AUTH_URL: residents.url,
    KEY_URL: residents.url,
    LOG_LEVEL: 'error',
    ...(options.natsServers > 1 && { NATS_REPLICAS: String(options.natsServers) }),
  };
  const nodes = await Promise.all(
    ['a', 'b'].map((name) =>
      startNode(name, { postgres, password, nats: nats.ports, shared, own }),
    ),
  );
  const balancer = own(await openWire(nodes.map(({ port }) => port)));
  await Promise.all(
    residents.all.map((resident) => introduce(resident, shared, nodes[0]?.port ?? 0)),
  );
  const gatewayPort = await freePort();
  const gateway = own(
    await startService('gateway', 'services/gateway/src/main.ts', {
      ...shared,
      SERVER_PORT: String(gatewayPort),
      MESSAGE_URL: `http://127.0.0.1:${balancer.port}`,
    }),
  );
  const front = own(await openWire([gatewayPort]));
  const origin = `http://127.0.0.1:${front.port}`;
  const token = residents.tokenFor(0);
  await waitFor(async () => {
    const url = `${origin}/api/v1/conversations`;
    return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).ok;
  }, START_MS);
  const running = opened.move();
  return {
    origin,
    residents,
    postgresVersion: postgres.version,
    strikes: createStrikes(
      {
        ...{ postgres, nats: nats.machines, redis: redis.machine, gateway },
        nodes: nodes.map(({ machine }) => machine),
      },
      [
        { name: 'clients', wire: front },
        { name: 'gateway from services', wire: balancer },
        { name: 'redis', wire: redisWire },
        ...nodes.flatMap(({ machine, wires }): Cuttable[] => [
          { name: `${machine.name} from postgres`, wire: wires.postgres },
          { name: `${machine.name} from nats`, wire: wires.nats },
        ]),
      ],
    ),
    close: () => running.disposeAsync(),
  };
}

const START_MS = 30_000;

/** A device begins where its list comes in, so all lists are there before the first conversation is. */
async function introduce(
  { user, devices }: Resident,
  { INTERNAL_SECRET: secret }: Environment,
  port: number,
): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/internal/device-lists`, {
    method: 'POST',
    headers: { authorization: `Service ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ user, version: 1, devices: devices.map(({ id }) => id) }),
  });
  if (!response.ok) throw new Error(`no device list: ${response.status} ${await response.text()}`);
}

interface Node {
  machine: Machine;
  port: number;
  wires: { postgres: Wire; nats: Wire };
}

async function startNode(
  name: string,
  {
    postgres,
    password,
    nats,
    shared,
    own,
  }: {
    postgres: Postgres;
    password: string;
    nats: readonly number[];
    shared: Environment;
    own: Own;
  },
): Promise<Node> {
  const wires = {
    postgres: own(await openWire([postgres.port])),
    nats: own(await openWire(nats)),
  };
  const port = await freePort();
  const machine = own(
    await startService(`message-${name}`, 'services/message/src/main.ts', {
      ...shared,
      SERVER_PORT: String(port),
      DATABASE_URL: `postgres://postgres:${password}@127.0.0.1:${wires.postgres.port}/postgres`,
      NATS_URL: `nats://127.0.0.1:${wires.nats.port}`,
    }),
  );
  return { machine, port, wires };
}
