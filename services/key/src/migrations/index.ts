/** All steps of the schema `key`, in their order. */
import type { Migrations } from '@sotto/runtime';
import { init } from './0001-init.ts';
import { signedDeviceLists } from './0002-signed-device-lists.ts';
import { keyLog } from './0010-key-log.ts';
import { retention } from './0011-retention.ts';
import { cosignaturesByWitness } from './0012-cosignatures-by-witness.ts';
import { restoredLeaves } from './0013-restored-leaves.ts';

export const migrations: Migrations = {
  '0001-init': init,
  '0002-signed-device-lists': signedDeviceLists,
  '0010-key-log': keyLog,
  '0011-retention': retention,
  '0012-cosignatures-by-witness': cosignaturesByWitness,
  '0013-restored-leaves': restoredLeaves,
};
