/** The configuration of the key service. */
import {
  databaseSection,
  internalSection,
  jwtSection,
  logSection,
  natsSection,
  serverSection,
  servicesSection,
} from '@sotto/runtime';
import { z } from 'zod';

export const KeyConfig = z.object({
  server: serverSection(8084),
  database: databaseSection,
  nats: natsSection,
  services: servicesSection,
  internal: internalSection,
  jwt: jwtSection,
  log: logSection,
});
export type KeyConfig = z.output<typeof KeyConfig>;
