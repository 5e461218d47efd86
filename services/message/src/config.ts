/** What the message service is told at start. */
import {
  databaseSection,
  internalSection,
  jwtSection,
  limitsSection,
  logSection,
  natsSection,
  redisSection,
  serverSection,
  servicesSection,
} from '@sotto/runtime';
import { z } from 'zod';
import { DIRECTORY_MODES } from './directory.ts';
import { PUSH_HOST, PUSH_SERVICES } from './push-endpoint.ts';

const pushSection = z.strictObject({
  enabled: z.boolean().default(true).meta({ env: 'PUSH_ENABLED' }),
  /** The push services that devices may subscribe at. */
  hosts: z
    .array(z.string().regex(PUSH_HOST, 'expected a host such as push.example.org or *.example.org'))
    .default(PUSH_SERVICES)
    .meta({ env: 'PUSH_HOSTS' }),
  /** Whether those hosts may have private addresses. */
  allowPrivate: z.boolean().default(false).meta({ env: 'PUSH_ALLOW_PRIVATE' }),
  /** An authority to believe beside the usual ones. */
  ca: z.string().min(1).optional().meta({ env: 'PUSH_CA' }),
  /** Where the operators of push services find the one of this platform. */
  contact: z
    .string()
    .regex(
      /^(mailto:\S+@\S+|https:\/\/\S+)$/,
      'expected mailto:you@example.org or an https address',
    )
    .optional()
    .meta({ env: 'PUSH_CONTACT' }),
});

/** Whom users find, beside those whom they have met. */
const directorySection = z.strictObject({
  mode: z.enum(DIRECTORY_MODES).default('search').meta({ env: 'DIRECTORY_MODE' }),
});

/** A century: beyond it a date of PostgreSQL's would no longer be one of JavaScript's. */
const RETENTION_DAYS_MAX = 36_500;

const retentionSection = z.strictObject({
  /** Weeks of messages that ended so many days ago are dropped. */
  days: z.int().min(1).max(RETENTION_DAYS_MAX).default(30).meta({ env: 'RETENTION_DAYS' }),
});

export const MessageConfig = z.object({
  server: serverSection(8082),
  database: databaseSection,
  nats: natsSection,
  redis: redisSection,
  internal: internalSection,
  services: servicesSection,
  jwt: jwtSection,
  limits: limitsSection,
  directory: directorySection,
  push: pushSection,
  retention: retentionSection,
  log: logSection,
});
export type MessageConfig = z.output<typeof MessageConfig>;
