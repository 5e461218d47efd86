import { test } from 'vitest';
import { checkSchedules, MESSAGES } from './schedules.fixture.ts';
import { decodeSessionRecord, encodeSessionRecord } from './session-record.ts';
import { classicSuite } from './suite-classic.ts';

test(`so it does when records are stored and read for each message of ${MESSAGES}`, () => {
  checkSchedules((record) =>
    decodeSessionRecord(classicSuite, encodeSessionRecord(classicSuite, record)),
  );
}, 1_800_000);
