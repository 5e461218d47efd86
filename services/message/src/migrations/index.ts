/** The migrations of this schema, in the order in which they run. */
import type { Migrations } from '@sotto/runtime';
import { init } from './0001-init.ts';
import { erasure } from './0002-erasure.ts';
import { groups } from './0003-groups.ts';
import { people } from './0004-people.ts';
import { presence } from './0005-presence.ts';
import { retention } from './0006-retention.ts';
import { marks } from './0007-marks.ts';
import { push } from './0008-push.ts';

export const migrations: Migrations = {
  '0001-init': init,
  '0002-erasure': erasure,
  '0003-groups': groups,
  '0004-people': people,
  '0005-presence': presence,
  '0006-retention': retention,
  '0007-marks': marks,
  '0008-push': push,
};
