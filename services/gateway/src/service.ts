/** The gateway, put together: one origin in front of the services. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ApiError } from '@sotto/api';
import {
  createApp,
  createLogger,
  createMetrics,
  type Fetch,
  type Logger,
  problemResponse,
  remotePeer,
  type Service,
  type Upgrade,
} from '@sotto/runtime';
import type { GatewayConfig } from './config.ts';
import { documents } from './docs.ts';
import { createEvents, type Events } from './events.ts';
import { forward, type Upstreams } from './forward.ts';
import { secure } from './headers.ts';
import { cleanHeaders, refuse } from './screen.ts';
import { createTunnel } from './tunnel.ts';

export { GatewayConfig } from './config.ts';

/** What the host of the gateway already has. */
export interface Given {
  log?: Logger;
  /** The services, when they live in this process. */
  peers?: Upstreams;
  /** The message service's own, then. */
  upgrade?: Upgrade;
}

/** Starts the gateway. It needs none of the services to be up; `/health/ready` tells when all are. */
export async function startGateway(
  config: GatewayConfig,
  given: Given = {},
): Promise<Required<Service>> {
  const log = given.log ?? createLogger({ service: 'gateway', level: config.log.level });
  const metrics = createMetrics('gateway');
  const events = createEvents(metrics, log);
  const upstreams = given.peers ?? remoteUpstreams(config.services);
  const app = createApp({ service: 'gateway', log, metrics, ready: () => allReady(upstreams) });
  documents(app, version());
  forward(app, upstreams);
  const tunnel = createTunnel({
    message: given.upgrade ?? new URL(config.services.message),
    origins: config.gateway.origins,
    events,
  });
  return {
    fetch: atTheDoor(app.fetch, events),
    upgrade: tunnel.upgrade,
    async close() {
      tunnel.close();
    },
  };
}

/** Screens what comes in, and tells browsers what to make of what goes out. */
function atTheDoor(inside: Fetch, events: Events): Fetch {
  return async (request, connection) => {
    const requestId = randomUUID();
    const refusal = refuse(request, connection);
    if (refusal !== undefined) {
      events.requestRefused(refusal.code);
      return secure(problemResponse(refusal, requestId));
    }
    cleanHeaders(request, requestId);
    return secure(await inside(request, connection));
  };
}

function remoteUpstreams(services: GatewayConfig['services']): Upstreams {
  return {
    auth: remotePeer(services.auth),
    key: remotePeer(services.key),
    message: remotePeer(services.message),
    file: remotePeer(services.file),
  };
}

async function allReady(upstreams: Upstreams): Promise<void> {
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
