/** The configuration of the gateway. */
import {
  internalSection,
  limitsSection,
  logSection,
  redisSection,
  serverSection,
  servicesSection,
} from '@sotto/runtime';
import { z } from 'zod';

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
