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

export const MessageConfig = z.object({
  server: serverSection(8082),
  database: databaseSection,
  nats: natsSection,
  redis: redisSection,
  internal: internalSection,
  services: servicesSection,
  jwt: jwtSection,
  limits: limitsSection,
  log: logSection,
});
export type MessageConfig = z.output<typeof MessageConfig>;
