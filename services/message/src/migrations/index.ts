/** The migrations of this schema, in the order in which they run. */
import type { Migrations } from '@sotto/runtime';
import { init } from './0001-init.ts';

export const migrations: Migrations = { '0001-init': init };
