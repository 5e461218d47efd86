/** What the auth service is told at start. */
import {
  Duration,
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
import { ACCESS_TOKEN_MS_MAX } from './limits.ts';

/** The first signs, all verify: put a new secret in front, and drop the old one when nothing signed by it lives. */
const Secrets = z.array(z.string().min(SECRET_LENGTH_MIN)).min(1).max(8);

export const AuthConfig = z.object({
  server: serverSection(8081),
  database: databaseSection,
  nats: natsSection,
  redis: redisSection,
  services: servicesSection,
  internal: internalSection,
  log: logSection,
  jwt: jwtSection.extend({
    accessTokenSecret: Secrets.meta({ env: 'JWT_ACCESS_SECRET', secret: true }),
    refreshTokenSecret: Secrets.meta({ env: 'JWT_REFRESH_SECRET', secret: true }),
    accessTokenExpiry: Duration.refine(
      (ms) => ms >= 1_000 && ms <= ACCESS_TOKEN_MS_MAX,
      'expected 1s to 15m: services remember revoked sessions for that long',
    )
      .prefault('15m')
      .meta({ env: 'JWT_ACCESS_EXPIRY' }),
    refreshTokenExpiry: Duration.refine((ms) => ms >= 60_000, 'expected a minute or more')
      .prefault('720h')
      .meta({ env: 'JWT_REFRESH_EXPIRY' }),
  }),
  registration: z.strictObject({
    /** Who may make an account. Left out, it follows from how the server is reached: see `registrationMode`. */
    mode: z.enum(['open', 'invite', 'closed']).optional().meta({ env: 'REGISTRATION_MODE' }),
  }),
  fields: z.strictObject({
    /** What sensitive columns are encrypted under: the first encrypts, all decrypt. */
    keys: Secrets.meta({ env: 'FIELD_KEYS', secret: true }),
  }),
  limits: limitsSection,
});
export type AuthConfig = z.output<typeof AuthConfig>;

export type RegistrationMode = 'open' | 'invite' | 'closed';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/;

/**
 * Who may make an account: where strangers can reach the server, nobody without an invitation unless it says so. A
 * server on loopback is reached by strangers too when a proxy stands in front, or clients call it by another name.
 */
export function registrationMode({
  registration,
  server,
}: Pick<AuthConfig, 'registration' | 'server'>): RegistrationMode {
  const { host, publishedHost = host, trustedProxies, publicOrigins } = server;
  const names = [
    publishedHost,
    ...publicOrigins.map((origin) => URL.parse(origin)?.hostname ?? origin),
  ];
  const isOurs = trustedProxies === 0 && names.every((name) => LOOPBACK.test(name));
  return registration.mode ?? (isOurs ? 'open' : 'invite');
}
