import { TIME_MS_MAX } from '@sotto/crypto';
import { expect, test } from 'vitest';
import { decodeRecord } from '../store/stored-record.ts';
import { HistoryItem } from './history-item.ts';

const user = '018f2d3e-1111-7abc-8def-000000000001';
const device = '018f2d3e-1111-7abc-8def-000000000002';
const placed = {
  conversation: '018f2d3e-1111-7abc-8def-000000000003',
  seq: 7,
  sentAt: '2026-01-01T00:00:00.000Z',
};

test.each([
  {
    type: 'message',
    ...placed,
    ...{ id: '018f2d3e-1111-7abc-8def-000000000004', sender: { user, device } },
    ...{ content: { type: 'text', text: 'hello' }, own: false, order: 'next' },
  },
  { type: 'membership', ...placed, version: 1, change: { type: 'renamed' } },
])('what an older release has kept with a time that is no date can be shown: a $type', (item) => {
  const stored = new TextEncoder().encode(JSON.stringify({ ...item, time: TIME_MS_MAX + 1 }));
  expect(decodeRecord(HistoryItem, stored)).toMatchObject({ time: TIME_MS_MAX });
});
