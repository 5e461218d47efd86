/** The configuration of the gateway. */
import {
  Duration,
  internalSection,
  limitsSection,
  logSection,
  redisSection,
  serverSection,
  servicesSection,
} from '@sotto/runtime';
import { z } from 'zod';
import { ROUTES, routeFault } from './route-table.ts';

const Route = z.string().check((context) => {
  const message = routeFault(context.value);
  if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
});

const gatewaySection = z.strictObject({
  /**
   * Web origins that may open a WebSocket, such as `https://chat.example.org`. With none given a page may only connect
   * to the host that it came from.
   */
  origins: z
    .array(
      z
        .string()
        .regex(/^https?:\/\/[^/?#@\s]+$/, 'expected an origin such as https://chat.example.org'),
    )
    .default([])
    .meta({ env: 'GATEWAY_ORIGINS' }),
  /** Connections of one address, IPv6 by /64; not counted for this machine, nor behind `server.trustedProxies`. */
  connectionsPerAddress: z
    .int()
    .min(1)
    .max(20_000)
    .default(512)
    .meta({ env: 'GATEWAY_CONNECTIONS_PER_ADDRESS' }),
  /** What browsers are told to remember, which nobody can take back before it ends; 0s makes them forget. */
  hsts: z.strictObject({
    maxAge: Duration.prefault('365d').meta({ env: 'HSTS_MAX_AGE' }),
    /** Other names of the domain may have no TLS, so only their owner can say this. */
    includeSubdomains: z.boolean().default(false).meta({ env: 'HSTS_INCLUDE_SUBDOMAINS' }),
  }),
  /** The folder of the web client's build. Without one, `/` tells that the platform runs. */
  webClient: z.string().min(1).optional().meta({ env: 'GATEWAY_WEB_CLIENT' }),
  /** Where `/metrics` is for everybody: a port that strangers do not reach. Without it only this machine is told. */
  metricsPort: z.int().min(0).max(65_535).optional().meta({ env: 'METRICS_PORT' }),
  /** Prefix to service, `/api/v1/auth=auth`; all of them, when any is given. */
  routes: z
    .array(Route)
    .min(1)
    .default([...ROUTES])
    .meta({ env: 'GATEWAY_ROUTES' }),
});

export const GatewayConfig = z.object({
  server: serverSection(8080),
  gateway: gatewaySection,
  services: servicesSection,
  internal: internalSection,
  redis: redisSection,
  limits: limitsSection,
  log: logSection,
});
export type GatewayConfig = z.output<typeof GatewayConfig>;
