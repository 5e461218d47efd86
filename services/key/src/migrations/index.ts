/** All steps of the schema `key`, in their order. */
import type { Migrations } from '@sotto/runtime';
import { init } from './0001-init.ts';

export const migrations: Migrations = { '0001-init': init };
