/** The migrations of this service, in order. */
import type { Migrations } from '@sotto/runtime';
import { init } from './0001-init.ts';
import { leastCharge } from './0002-least-charge.ts';
import { erasure } from './0003-erasure.ts';
import { uploads } from './0004-uploads.ts';
import { life } from './0005-life.ts';
import { stubborn } from './0006-stubborn.ts';
import { platform } from './0007-platform.ts';
import { grantors } from './0008-grantors.ts';
import { loosePieces } from './0009-loose-pieces.ts';

export const migrations: Migrations = {
  '0001-init': init,
  '0002-least-charge': leastCharge,
  '0003-erasure': erasure,
  '0004-uploads': uploads,
  '0005-life': life,
  '0006-stubborn': stubborn,
  '0007-platform': platform,
  '0008-grantors': grantors,
  '0009-loose-pieces': loosePieces,
};
