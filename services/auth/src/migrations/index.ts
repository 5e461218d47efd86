/** All steps of the schema `auth`, in their order. */
import type { Migrations } from '@sotto/runtime';
import { init } from './0001-init.ts';
import { audit } from './0002-audit.ts';

export const migrations: Migrations = { '0001-init': init, '0002-audit': audit };
