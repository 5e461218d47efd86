/** The gateway, put together: one origin in front of the services. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ApiError } from '@sotto/api';
import {
  type Connection,
  type Counters,
  createApp,
  createLimiters,
  createLogger,
  createMetrics,
  createRequestMeter,
  type Fetch,
  type Logger,
  openCounters,
  problemResponse,
  remotePeer,
  type Service,
  toApiError,
} from '@sotto/runtime';
import { clientOf } from './client.ts';
import type { GatewayConfig } from './config.ts';
import { documents } from './docs.ts';
import { createEvents, type Events } from './events.ts';
import { forward, type Upstreams } from './forward.ts';
import { type SecurityHeaders, secure, securityHeaders } from './headers.ts';
import { createRelay } from './relay.ts';
import { readRoutes } from './route-table.ts';
import { cleanHeaders, refuse } from './screen.ts';
import { createSourceLimit, type SourceLimit } from './source-limit.ts';
import { createTunnel } from './tunnel.ts';
import { openWires } from './wires.ts';

export { GatewayConfig } from './config.ts';
export { isWebClient } from './web-client.ts';

/** What the host of the gateway already has. */
export interface Given {
  log?: Logger;
  counters?: Counters;
  /** The services, when they live in this process, and who takes over the message service's sockets then. */
  local?: { peers: Upstreams; message: Pick<Required<Service>, 'upgrade' | 'drain'> };
  /** The certificate of an authority that clients are to trust, to hand out. */
  authority?: string | undefined;
  /** How long a service may say nothing; SILENCE_MS when left out. */
  silenceMs?: number;
  /** Between two looks at the WebSockets; TUNNEL_LOOK_MS when left out. */
  tunnelLookMs?: number;
}

/** A service, and its numbers for a port that strangers do not reach. */
export interface Gateway extends Required<Service> {
  /** Answers `/metrics` to everybody, and nothing else. */
  numbers: Fetch;
}

/**
 * Starts the gateway. It needs none of the services to be up; `/health/ready` tells when all are. Services in other
 * processes are reached by its `relay`, those of this process by its `fetch`.
 */
export async function startGateway(config: GatewayConfig, given: Given = {}): Promise<Gateway> {
  const { services, server, gateway, internal } = config;
  const { local } = given;
  await using opened = new AsyncDisposableStack();
  const log = given.log ?? createLogger({ service: 'gateway', level: config.log.level });
  const metrics = createMetrics('gateway');
  const events = createEvents(metrics, log);
  const meter = createRequestMeter({ log, metrics });
  const counters = given.counters ?? (await openCounters(config.redis, log));
  if (given.counters === undefined) opened.defer(() => counters.close());
  const sourceLimit = createSourceLimit(
    createLimiters({ counters, metrics }),
    config.limits.sourcePerMinute,
  );
  const wires = openWires(services, given.silenceMs);
  opened.defer(() => Object.values(wires).forEach((wire) => void wire.close()));
  let isDraining = false;
  const upstreams = local?.peers ?? remoteUpstreams(services);
  const ready = (): Promise<void> => allReady(isDraining, upstreams);
  const app = createApp({ service: 'gateway', log, metrics, meter, ready });
  const routes = readRoutes(gateway.routes);
  documents(app, {
    version: version(),
    authority: given.authority,
    webClient: gateway.webClient,
  });
  if (local !== undefined) forward(app, routes, upstreams);
  const shared = {
    ...{ trustedProxies: server.trustedProxies, sourceLimit, events },
    securityHeaders: securityHeaders({
      hsts: gateway.hsts,
      isOwnAuthority: given.authority !== undefined,
    }),
  };
  const tunnel = createTunnel({
    ...shared,
    message: local?.message ?? new URL(services.message),
    origins: gateway.origins,
    internalSecret: internal.secret,
    lookMs: given.tunnelLookMs,
  });
  opened.defer(() => tunnel.close());
  const relay = createRelay({ ...shared, routes, wires, internalSecret: internal.secret, meter });
  const running = opened.move();
  return {
    fetch: atTheDoor(app.fetch, shared),
    relay: local === undefined ? relay : () => false,
    upgrade: tunnel.upgrade,
    numbers: (request) => {
      if (new URL(request.url).pathname === '/metrics') return app.fetch(request);
      return problemResponse(new ApiError('route.not-found'), randomUUID());
    },
    drain() {
      isDraining = true;
      return tunnel.drain();
    },
    close: () => running.disposeAsync(),
  };
}

interface Door {
  trustedProxies: number;
  sourceLimit: SourceLimit;
  events: Events;
  securityHeaders: SecurityHeaders;
}

/** Screens what comes in, and tells browsers what to make of what goes out. */
function atTheDoor(inside: Fetch, door: Door): Fetch {
  const { trustedProxies, sourceLimit, events } = door;
  return async (request, connection) => {
    const requestId = randomUUID();
    const client = connection && clientOf(connection, readFrom(request), trustedProxies);
    const security = door.securityHeaders(
      client && { origin: new URL(request.url).origin, ...client },
    );
    try {
      const refusal = refuse(request, { connection: client, trustedProxies });
      if (refusal !== undefined) throw refusal;
      await count(request, client, sourceLimit);
    } catch (error) {
      const refusal = toApiError(error);
      events.requestRefused(refusal.code);
      return secure(problemResponse(refusal, requestId), security);
    }
    cleanHeaders(request, requestId);
    return secure(await inside(request, client), security);
  };
}

function readFrom({ headers }: Request) {
  return (name: string): string | undefined => headers.get(name) ?? undefined;
}

async function count(
  request: Request,
  client: Connection | undefined,
  sourceLimit: SourceLimit,
): Promise<void> {
  // Who watches over us must hear from us whatever else comes from there.
  const isWatcher = /^\/(health\/(live|ready)|metrics)$/.test(new URL(request.url).pathname);
  if (client !== undefined && !isWatcher) await sourceLimit.take(client.remoteAddress);
}

function remoteUpstreams(services: GatewayConfig['services']): Upstreams {
  return {
    auth: remotePeer(services.auth),
    key: remotePeer(services.key),
    message: remotePeer(services.message),
    file: remotePeer(services.file),
  };
}

async function allReady(isDraining: boolean, upstreams: Upstreams): Promise<void> {
  if (isDraining) throw new ApiError('service.unavailable', { detail: 'the gateway goes down' });
  const asked = Object.entries(upstreams).map(async ([name, upstream]) => {
    const response = await upstream(new Request('http://upstream/health/ready'));
    await response.body?.cancel();
    if (!response.ok) throw new ApiError('service.unavailable', { detail: `${name} is not ready` });
  });
  await Promise.all(asked);
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version }: { version: string } = JSON.parse(manifest);
  return version;
}
