/** Message services on loopback ports that share one database, and what talks to them over HTTP. */
import { type Answer, type EndpointSpec, fromProblem } from '@sotto/api';
import {
  type Bus,
  type CallInput,
  type Counters,
  createLogger,
  createMemoryBus,
  createMemoryCounters,
  type Database,
  type DatabaseOptions,
  type Listening,
  limitsSection,
  listen,
  openDatabase,
  type Service,
} from '@sotto/runtime';
import { testDatabase } from '@sotto/runtime/testing';
import { z } from 'zod';
import type { Tables } from '../src/schema.ts';
import { type MessageConfig, type MessageService, startMessage } from '../src/service.ts';
import { createPeers, INTERNAL_SECRET, type Peers, type Person } from './peers.ts';

export interface Node {
  readonly url: string;
  readonly service: MessageService;
  /** Calls as a person; throws the ApiError of a refusal. */
  call<E extends EndpointSpec>(
    person: Person | undefined,
    endpoint: E,
    input: CallInput<E>,
  ): Promise<Answer<E>>;
  close(): Promise<void>;
}

export interface Platform {
  readonly peers: Peers;
  readonly database: Database<Tables>;
  /** A node on the platform's bus or one of its own; closed with the platform. What it is not told is as by default. */
  startNode(bus?: Bus, config?: Partial<MessageConfig>): Promise<Node>;
  close(): Promise<void>;
}

/** A fresh database, and peers whose events go to `given`, which the caller closes; to a bus in memory when left out. */
export async function startPlatform(given?: Bus): Promise<Platform> {
  const bus = given ?? createMemoryBus();
  const testing = await testDatabase();
  const options = testing.options('message');
  const database = openDatabase<Tables>(options);
  const peers = createPeers(bus);
  const counters = createMemoryCounters();
  const nodes: Node[] = [];
  return {
    peers,
    database,
    async startNode(nodeBus = bus, config) {
      const node = await startNode({ options, peers, counters, bus: nodeBus, config });
      nodes.push(node);
      return node;
    },
    async close() {
      await Promise.all(nodes.map((node) => node.close()));
      if (given === undefined) await bus.close();
      await database.close();
      await counters.close();
      await testing.close();
    },
  };
}

interface NodeOptions {
  options: DatabaseOptions;
  peers: Peers;
  counters: Counters;
  bus: Bus;
  config?: Partial<MessageConfig> | undefined;
}

async function startNode({ options, peers, counters, bus, config }: NodeOptions): Promise<Node> {
  const { schema: _, ssl: __, poolMax: ___, ...database } = options;
  const log = createLogger({ service: 'message', level: 'silent' });
  const service = await startMessage(
    { ...CONFIG, ...config, database },
    { bus, counters, peers, log },
  );
  const listening = await listen(service, { host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${listening.port}`;
  return { url, service, call: callOf(url), close: closeOnce(service, listening) };
}

const CONFIG: Omit<MessageConfig, 'database'> = {
  server: { host: '127.0.0.1', port: 0, trustedProxies: 0, publicOrigins: [] },
  nats: {},
  redis: {},
  internal: { secret: INTERNAL_SECRET },
  services: { auth: '', message: '', file: '', key: '' },
  jwt: { issuer: 'sotto', audience: 'sotto' },
  limits: limitsSection.parse({
    ...{ userPerMinute: 1_000_000, sendPerMinute: 1_000_000, sendPerMinuteAll: 1_000_000 },
    groupStrangersPerDay: 1_000_000,
  }),
  retention: { days: 30 },
  directory: { mode: 'search' },
  push: { enabled: true, hosts: [], allowPrivate: false },
  log: { level: 'error' },
};

function closeOnce(service: Service, listening: Listening): () => Promise<void> {
  let closing: Promise<unknown> | undefined;
  return async () => {
    closing ??= Promise.all([listening.close(), service.close()]);
    await closing;
  };
}

function callOf(url: string): Node['call'] {
  return async (person, endpoint, { params, query, body }) => {
    const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) => {
      return String(Object(params)[name]);
    });
    const target = new URL(path, url);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) target.searchParams.set(name, String(value));
    }
    const headers = new Headers();
    if (endpoint.access === 'service') headers.set('authorization', `Service ${INTERNAL_SECRET}`);
    else if (person !== undefined) headers.set('authorization', `Bearer ${person.token}`);
    const { method } = endpoint;
    const response = await fetch(target, {
      method,
      headers,
      ...(body !== undefined && encodeBody(endpoint, body, headers)),
    });
    const text = await response.text();
    const json = text === '' ? undefined : JSON.parse(text);
    if (!response.ok) throw fromProblem(json) ?? new Error(`${response.status} ${text}`);
    const schema = endpoint.response as z.ZodType | undefined;
    return (schema === undefined ? undefined : z.decode(schema, json)) as never;
  };
}

function encodeBody(endpoint: EndpointSpec, body: unknown, headers: Headers): { body: string } {
  headers.set('content-type', 'application/json');
  return { body: JSON.stringify(z.encode(endpoint.body as z.ZodType, body)) };
}
