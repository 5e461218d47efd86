/** The audit log learns how many files a user stores and fetches, and nothing else. */
import type { AuditEntry } from '@sotto/api/internal';
import { consumeEvent } from '@sotto/runtime';
import { expect, test } from 'vitest';
import { call, newUser, stored, until } from './client.fixture.ts';
import { startPlatform } from './platform.fixture.ts';

test('uploads and downloads are counted when they come about, and refusals are not', async () => {
  const platform = await startPlatform({ store: 'directory' });
  const heard: AuditEntry[] = [];
  await consumeEvent(platform.bus, 'test', 'events.audit.noted', async ({ entries }) => {
    heard.push(...entries);
  });
  const [owner, stranger] = [newUser(), newUser()];
  const file = await stored(platform, owner);
  await stored(platform, owner);
  for (let time = 0; time < 3; time++) {
    await (await call(platform, owner, file.id)).arrayBuffer();
  }
  expect((await call(platform, stranger, file.id)).status).toBe(404);
  const etag = `"${Buffer.from(file.sha256).toString('hex')}"`;
  const known = await call(platform, owner, file.id, { headers: { 'if-none-match': etag } });
  expect(known.status).toBe(304);
  await platform.closeService();
  await until(async () => heard.length > 0);
  const times = (wanted: AuditEntry['action']) =>
    heard.filter(({ action }) => action === wanted).reduce((sum, { count = 0 }) => sum + count, 0);
  expect([times('files.uploaded'), times('files.fetched')]).toEqual([2, 3]);
  expect(heard.every(({ user }) => user === owner)).toBe(true);
  expect(JSON.stringify(heard)).not.toContain(file.id);
  await platform.close();
});
