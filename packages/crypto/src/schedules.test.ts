import { test } from 'vitest';
import { checkSchedules, MESSAGES } from './schedules.fixture.ts';

test(`each delivered message decrypts exactly once, in any schedule of ${MESSAGES}`, () => {
  checkSchedules((record) => record);
}, 1_800_000);
