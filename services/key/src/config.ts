/** The configuration of the key service. */
import {
  databaseSection,
  internalSection,
  jwtSection,
  limitsSection,
  logSection,
  natsSection,
  redisSection,
  SECRET_LENGTH_MIN,
  serverSection,
  servicesSection,
} from '@sotto/runtime';
import { z } from 'zod';

export const KeyConfig = z.object({
  server: serverSection(8084),
  database: databaseSection,
  nats: natsSection,
  redis: redisSection,
  services: servicesSection,
  internal: internalSection,
  jwt: jwtSection,
  limits: limitsSection,
  keyLog: z.strictObject({
    /** What the key that signs tree heads is made from. Clients pin that key: another secret ends their trust. */
    secret: z.string().min(SECRET_LENGTH_MIN).meta({ env: 'KEY_LOG_SECRET', secret: true }),
    /** Ed25519 keys of those who may cosign heads, each 32 bytes in base64url. */
    witnesses: z
      .array(z.string().regex(/^[\w-]{43}$/, 'expected a public key in base64url'))
      .default([])
      .meta({ env: 'KEY_LOG_WITNESSES' }),
  }),
  log: logSection,
});
export type KeyConfig = z.output<typeof KeyConfig>;
