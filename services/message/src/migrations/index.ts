/** The migrations of this schema, in the order in which they run. */
import type { Migrations } from '@sotto/runtime';
import { init } from './0001-init.ts';
import { erasure } from './0002-erasure.ts';

export const migrations: Migrations = { '0001-init': init, '0002-erasure': erasure };
