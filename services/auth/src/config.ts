/** What the auth service is told at start. */
import {
  Duration,
  databaseSection,
  internalSection,
  jwtSection,
  logSection,
  natsSection,
  redisSection,
  SECRET_LENGTH_MIN,
  serverSection,
} from '@sotto/runtime';
import { z } from 'zod';
import { ACCESS_TOKEN_MS_MAX } from './limits.ts';

/** The first signs, all verify: put a new secret in front, and drop the old one when nothing signed by it lives. */
const Secrets = z.array(z.string().min(SECRET_LENGTH_MIN)).min(1).max(8);

const positive = z.int().min(1);

export const AuthConfig = z.object({
  server: serverSection(8081),
  database: databaseSection,
  nats: natsSection,
  redis: redisSection,
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
  limits: z.object({
    /** Accounts that one address may make. */
    registerPerHour: positive.default(3).meta({ env: 'LIMITS_REGISTER_PER_HOUR' }),
    /** The same for an address of this machine or a private network: an office, or a proxy that everybody comes by. */
    registerPerHourPrivate: positive.default(60).meta({ env: 'LIMITS_REGISTER_PER_HOUR_PRIVATE' }),
    /** Wrong passwords for one account from one address within `loginWindow`; each device of the account that names itself has as many. */
    loginFailures: positive.default(5).meta({ env: 'LIMITS_LOGIN_FAILURES' }),
    loginWindow: Duration.prefault('5m').meta({ env: 'LIMITS_LOGIN_WINDOW' }),
  }),
});
export type AuthConfig = z.output<typeof AuthConfig>;
