/** The configuration of the file service. */
import {
  Duration,
  databaseSection,
  internalSection,
  jwtSection,
  limitsSection,
  logSection,
  natsSection,
  PART_MEMORY_BYTES,
  redisSection,
  s3Section,
  serverSection,
  servicesSection,
} from '@sotto/runtime';
import { z } from 'zod';

/** A file is uploaded first and shared then: less would take it away in between. */
const RETENTION_MS_MIN = 60_000;

/** One part, and its share for small bodies. */
const PART_MEMORY_BYTES_MIN = 8 * 1024 ** 2;

const fileSection = z.strictObject({
  /** Where blobs lie when `s3.endpoint` is not set. */
  directory: z.string().min(1).default('.data/blobs').meta({ env: 'FILE_DIRECTORY' }),
  /** Ciphertext that one user may have stored. */
  quotaBytes: z
    .int()
    .min(0)
    .default(10 * 1024 ** 3)
    .meta({ env: 'FILE_QUOTA_BYTES' }),
  /** Ciphertext that one user may upload in a day of UTC, kept or not. */
  dailyBytes: z
    .int()
    .min(0)
    .default(20 * 1024 ** 3)
    .meta({ env: 'FILE_DAILY_BYTES' }),
  /** Memory for the parts of all uploads under way; what does not fit waits. */
  partMemoryBytes: z
    .int()
    .min(PART_MEMORY_BYTES_MIN)
    .default(PART_MEMORY_BYTES)
    .meta({ env: 'FILE_PART_MEMORY_BYTES' }),
  /** How long an upload may bring next to nothing. */
  uploadStall: Duration.prefault('30s').meta({ env: 'FILE_UPLOAD_STALL' }),
  /** How long a resumable upload may take from its beginning to its end. */
  uploadExpiry: Duration.prefault('24h').meta({ env: 'FILE_UPLOAD_EXPIRY' }),
  /** How long a file is kept that is shared nowhere, or nowhere any more. */
  retention: Duration.refine((ms) => ms >= RETENTION_MS_MIN, 'expected a minute or more')
    .prefault('30d')
    .meta({ env: 'FILE_RETENTION' }),
});

export const FileConfig = z.object({
  server: serverSection(8083),
  database: databaseSection,
  nats: natsSection,
  redis: redisSection,
  s3: s3Section,
  file: fileSection,
  services: servicesSection,
  internal: internalSection,
  jwt: jwtSection,
  limits: limitsSection,
  log: logSection,
});
export type FileConfig = z.output<typeof FileConfig>;
