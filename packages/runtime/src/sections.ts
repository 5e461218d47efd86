/** The sections of `config.yaml` that several services share, each leaf with its environment variable. */
import { z } from 'zod';

const port = z.int().min(0).max(65_535);

/** Characters of a secret. Shorter ones could be guessed from what they sign. */
export const SECRET_LENGTH_MIN = 32;

const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `15m`, `720h`, `30s` as milliseconds. */
export const Duration = z
  .string()
  .regex(/^\d{1,9}(ms|s|m|h|d)$/, 'expected a duration such as 30s, 15m or 720h')
  .transform((text) => {
    const [, amount, unit] = /^(\d+)(\w+)$/.exec(text) ?? [];
    return Number(amount) * MILLISECONDS[unit as keyof typeof MILLISECONDS];
  });

/** Where a process listens. Port 0 takes a free one. */
export function serverSection(defaultPort: number) {
  return z.object({
    host: z.string().min(1).default('127.0.0.1').meta({ env: 'SERVER_HOST' }),
    port: port.default(defaultPort).meta({ env: 'SERVER_PORT' }),
  });
}

/** PostgreSQL. `url` stands for all the others when it is given; `databaseOptions` reads both. */
export const databaseSection = z.strictObject({
  host: z.string().min(1).default('localhost').meta({ env: 'DB_HOST' }),
  port: port.default(5432).meta({ env: 'DB_PORT' }),
  user: z.string().min(1).default('sotto').meta({ env: 'DB_USER' }),
  password: z.string().default('').meta({ env: 'DB_PASSWORD', secret: true }),
  database: z.string().min(1).default('sotto').meta({ env: 'DB_NAME' }),
  url: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .meta({ env: 'DATABASE_URL', secret: true }),
});
export type DatabaseSection = z.infer<typeof databaseSection>;

/** NATS; without a URL the bus is in process, which only one process may use. */
export const natsSection = z.strictObject({
  url: z
    .url({ protocol: /^(nats|tls)$/ })
    .optional()
    .meta({ env: 'NATS_URL', secret: true }),
});

/** Redis; without a URL the counters are in process, each process with its own. */
export const redisSection = z.strictObject({
  url: z
    .url({ protocol: /^rediss?$/ })
    .optional()
    .meta({ env: 'REDIS_URL', secret: true }),
});

/** An S3-compatible store; without an endpoint blobs lie in a directory. */
export const s3Section = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({ env: 'S3_ENDPOINT' }),
  region: z.string().min(1).default('us-east-1').meta({ env: 'S3_REGION' }),
  bucket: z.string().min(3).default('sotto').meta({ env: 'S3_BUCKET' }),
  accessKey: z.string().default('').meta({ env: 'S3_ACCESS_KEY', secret: true }),
  secretKey: z.string().default('').meta({ env: 'S3_SECRET_KEY', secret: true }),
});
export type S3Section = z.infer<typeof s3Section>;

/** What services of one platform prove themselves to each other with. */
export const internalSection = z.strictObject({
  secret: z.string().min(SECRET_LENGTH_MIN).meta({ env: 'INTERNAL_SECRET', secret: true }),
});

const peer = z.url({ protocol: /^https?$/ });

/** Where the services reach each other. */
export const servicesSection = z.strictObject({
  auth: peer.default('http://localhost:8081').meta({ env: 'AUTH_URL' }),
  message: peer.default('http://localhost:8082').meta({ env: 'MESSAGE_URL' }),
  file: peer.default('http://localhost:8083').meta({ env: 'FILE_URL' }),
  key: peer.default('http://localhost:8084').meta({ env: 'KEY_URL' }),
});

/** From everything to what an operator must act on. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** How much is logged. */
export const logSection = z.strictObject({
  level: z.enum(LOG_LEVELS).default('info').meta({ env: 'LOG_LEVEL' }),
});

/** What every access token says. The section's secrets belong to the auth service alone. */
export const jwtSection = z.object({
  issuer: z.string().min(1).default('sotto').meta({ env: 'JWT_ISSUER' }),
  audience: z.string().min(1).default('sotto').meta({ env: 'JWT_AUDIENCE' }),
});
