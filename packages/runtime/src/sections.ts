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

/** A file in PEM form, read when the process starts. */
const pemFile = z.string().min(1);

/** `https://chat.example.org`: no path, and nothing that a browser would leave out of an Origin header. */
const origin = z
  .string()
  .regex(/^https?:\/\/[a-z0-9.[\]:-]+$/, {
    error: 'expected an origin such as https://chat.example.org, in lower case',
    // Said once.
    abort: true,
  })
  .refine((text) => URL.canParse(text), 'expected an origin such as https://chat.example.org')
  // Nobody else says a port that the scheme says already.
  .transform((text) => new URL(text).origin);

/** Proxies in front of us, each of which adds itself to X-Forwarded-For. */
const TRUSTED_PROXIES_MAX = 16;

/** Where a process listens, and what it is called there. Port 0 takes a free one. */
export function serverSection(defaultPort: number) {
  return z.strictObject({
    host: z.string().min(1).default('127.0.0.1').meta({ env: 'SERVER_HOST' }),
    port: port.default(defaultPort).meta({ env: 'SERVER_PORT' }),
    /** The address on which the outside meets this process when it is not `host`, as with a container's published port. */
    publishedHost: z.string().min(1).optional().meta({ env: 'SERVER_PUBLISHED_HOST' }),
    /** Certificate chain and private key; without them it is plain HTTP. */
    tls: z
      .strictObject({
        cert: pemFile.meta({ env: 'TLS_CERT' }),
        key: pemFile.meta({ env: 'TLS_KEY' }),
      })
      .optional(),
    /** Answers plain HTTP with where HTTPS is. */
    httpRedirectPort: port.optional().meta({ env: 'HTTP_REDIRECT_PORT' }),
    /** How many proxies in front of us are ours. What a caller writes into X-Forwarded-For itself is never believed. */
    trustedProxies: z
      .int()
      .min(0)
      .max(TRUSTED_PROXIES_MAX)
      .default(0)
      .meta({ env: 'TRUSTED_PROXIES' }),
    /** The origins that clients call. Without any, `proofOrigins` says which ones request proofs may name. */
    publicOrigins: z.array(origin).default([]).meta({ env: 'PUBLIC_ORIGINS' }),
  });
}
export type ServerSection = z.infer<ReturnType<typeof serverSection>>;

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
  /** Certificates to believe; with it the connection is by TLS, and the server's name is checked. */
  ca: pemFile.optional().meta({ env: 'DB_CA' }),
});
export type DatabaseSection = z.infer<typeof databaseSection>;

/** NATS; without a URL the bus is in process, which only one process may use. */
export const natsSection = z.strictObject({
  url: z
    .url({ protocol: /^(nats|tls)$/ })
    .optional()
    .meta({ env: 'NATS_URL', secret: true }),
  ca: pemFile.optional().meta({ env: 'NATS_CA' }),
  /** Copies of each stream that we make, 1 when left out: 3 in a cluster of three, which then bears the loss of one. */
  replicas: z.int().min(1).max(5).optional().meta({ env: 'NATS_REPLICAS' }),
});
export type NatsSection = z.infer<typeof natsSection>;

/** Redis; without a URL the counters are in process, each process with its own. */
export const redisSection = z.strictObject({
  url: z
    .url({ protocol: /^rediss?$/ })
    .optional()
    .meta({ env: 'REDIS_URL', secret: true }),
  ca: pemFile.optional().meta({ env: 'REDIS_CA' }),
});
export type RedisSection = z.infer<typeof redisSection>;

/** An S3-compatible store; without an endpoint blobs lie in a directory. */
export const s3Section = z
  .strictObject({
    endpoint: z
      .url({ protocol: /^https?$/ })
      .optional()
      .meta({ env: 'S3_ENDPOINT' }),
    region: z.string().min(1).default('us-east-1').meta({ env: 'S3_REGION' }),
    bucket: z.string().min(3).default('sotto').meta({ env: 'S3_BUCKET' }),
    accessKey: z.string().default('').meta({ env: 'S3_ACCESS_KEY', secret: true }),
    secretKey: z.string().default('').meta({ env: 'S3_SECRET_KEY', secret: true }),
    ca: pemFile.optional().meta({ env: 'S3_CA' }),
    /** Sends readers of files to the store itself. */
    presignedDownloads: z.boolean().default(false).meta({ env: 'S3_PRESIGNED_DOWNLOADS' }),
    /** What they call the store there, when it is not `endpoint`. */
    publicEndpoint: origin.optional().meta({ env: 'S3_PUBLIC_ENDPOINT' }),
  })
  .refine(({ endpoint, presignedDownloads }) => endpoint !== undefined || !presignedDownloads, {
    path: ['presignedDownloads'],
    error: 'downloads can be left to a store only when s3.endpoint names one',
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

const amount = z.int().min(1).max(1_000_000);
/** Limits are counted in whole seconds. */
const span = Duration.refine((ms) => ms >= 1_000, 'expected a second or more');

/** How often what may be done: one section for all services, so that one process can be all of them. */
export const limitsSection = z.strictObject({
  /** Accounts that one address may make. */
  registerPerHour: amount.default(3).meta({ env: 'LIMITS_REGISTER_PER_HOUR' }),
  /** The same for an address of this machine or a private network: an office, or a proxy that everybody comes by. */
  registerPerHourPrivate: amount.default(60).meta({ env: 'LIMITS_REGISTER_PER_HOUR_PRIVATE' }),
  /** Tries to make one by a name that is taken or an invitation that is none, likewise. */
  registerFailuresPerHour: amount.default(30).meta({ env: 'LIMITS_REGISTER_FAILURES_PER_HOUR' }),
  registerFailuresPerHourPrivate: amount
    .default(600)
    .meta({ env: 'LIMITS_REGISTER_FAILURES_PER_HOUR_PRIVATE' }),
  /** Wrong passwords for one account from one address within `loginWindow`; each device that shows its key has as many. */
  loginFailures: amount.default(5).meta({ env: 'LIMITS_LOGIN_FAILURES' }),
  loginWindow: span.prefault('15m').meta({ env: 'LIMITS_LOGIN_WINDOW' }),
  /** How long that address then has to leave the account alone. */
  loginLock: span.prefault('5m').meta({ env: 'LIMITS_LOGIN_LOCK' }),
  /** Wrong passwords from one address for any account, within `loginWindow`. */
  loginFailuresPerSource: amount.default(100).meta({ env: 'LIMITS_LOGIN_FAILURES_PER_SOURCE' }),
  /** Devices that one account may make, each by a log-in on a new one or by linking, within 24 hours. */
  newDevicesPerDay: amount.default(20).meta({ env: 'LIMITS_NEW_DEVICES_PER_DAY' }),
  /** Log-in challenges that one address may ask for. */
  challengePerMinute: amount.default(30).meta({ env: 'LIMITS_CHALLENGE_PER_MINUTE' }),
  /** Requests of one user, where nothing else limits them. */
  userPerMinute: amount.default(60).meta({ env: 'LIMITS_USER_PER_MINUTE' }),
  /** Requests from one address, whatever for. */
  sourcePerMinute: amount.default(1_200).meta({ env: 'LIMITS_SOURCE_PER_MINUTE' }),
  /** Messages of one sender in one conversation: so many a minute, and `sendBurst` at once. */
  sendPerMinute: amount.default(30).meta({ env: 'LIMITS_SEND_PER_MINUTE' }),
  sendBurst: amount.default(120).meta({ env: 'LIMITS_SEND_BURST' }),
  /** Messages of one sender in all conversations. */
  sendPerMinuteAll: amount.default(600).meta({ env: 'LIMITS_SEND_PER_MINUTE_ALL' }),
  /** People to whom a user is a stranger, taken into groups by that user. */
  groupStrangersPerDay: amount.default(200).meta({ env: 'LIMITS_GROUP_STRANGERS_PER_DAY' }),
  /** Uploads, downloads and grants of one user. */
  filesPerMinute: amount.default(600).meta({ env: 'LIMITS_FILES_PER_MINUTE' }),
  /** Requests of one user that bring bytes to resumable uploads: a file of 100 MiB takes 21 or more. */
  uploadPiecesPerMinute: amount.default(1_200).meta({ env: 'LIMITS_UPLOAD_PIECES_PER_MINUTE' }),
  /** Bundles that one user may fetch of another: so many at once, then one in each `bundleRefill`. */
  bundleBurst: amount.default(6).meta({ env: 'LIMITS_BUNDLE_BURST' }),
  bundleRefill: span.prefault('10m').meta({ env: 'LIMITS_BUNDLE_REFILL' }),
  /** Bundles that all others together may fetch of one user in an hour: each uses up prekeys. */
  bundlePerTarget: amount.default(200).meta({ env: 'LIMITS_BUNDLE_PER_TARGET' }),
  /** Signed prekeys and device lists that one device may publish; the same again does not count. */
  signedPrekeysPerHour: amount.default(20).meta({ env: 'LIMITS_SIGNED_PREKEYS_PER_HOUR' }),
  deviceListsPerHour: amount.default(20).meta({ env: 'LIMITS_DEVICE_LISTS_PER_HOUR' }),
  /** Reads of the key log without an account, from one address. */
  keyLogReadsPerMinute: amount.default(120).meta({ env: 'LIMITS_KEY_LOG_READS_PER_MINUTE' }),
});
export type LimitsSection = z.infer<typeof limitsSection>;
