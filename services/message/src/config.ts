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
  retention: retentionSection,
  log: logSection,
});
export type MessageConfig = z.output<typeof MessageConfig>;
