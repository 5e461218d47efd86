import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leastCharge } from '../src/migrations/0002-least-charge.ts';
import {
  call,
  grant,
  newConversation,
  newUser,
  problemOf,
  sha256,
  stored,
  upload,
  usage,
} from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';

const stores = process.env.TEST_S3_ENDPOINT
  ? (['directory', 's3'] as const)
  : (['directory'] as const);

describe.each(stores)('the file service over the %s store', (store) => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await startPlatform({ store });
  });
  afterAll(() => platform.close());

  it('gives back the bytes that it was given, and their digest', async () => {
    const owner = newUser();
    const bytes = randomBytes(300_000);
    const info = await stored(platform, owner, bytes);
    expect(info.size).toBe(bytes.byteLength);
    expect(Buffer.from(info.sha256).toString('hex')).toBe(sha256(bytes));

    const download = await call(platform, owner, info.id);
    expect(download.status).toBe(200);
    expect(Buffer.from(await download.arrayBuffer()).equals(bytes)).toBe(true);
    expect(Object.fromEntries(download.headers)).toMatchObject({
      'content-length': '300000',
      'content-type': 'application/octet-stream',
      etag: `"${sha256(bytes)}"`,
      'accept-ranges': 'bytes',
      'cache-control': 'private',
      'content-disposition': 'attachment',
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
    });
    const again = await call(platform, owner, `${info.id}/info`);
    expect(await again.json()).toEqual({
      id: info.id,
      size: 300_000,
      sha256: Buffer.from(info.sha256).toString('base64url'),
      createdAt: info.createdAt,
    });
  });

  it('stores a file of many parts and one of nothing', async () => {
    const owner = newUser();
    for (const size of [0, 17 * 1024 * 1024 + 3]) {
      const bytes = randomBytes(size);
      const { id } = await stored(platform, owner, bytes);
      const download = await call(platform, owner, id);
      expect(sha256(new Uint8Array(await download.arrayBuffer()))).toBe(sha256(bytes));
    }
  });

  it('sends a part of a file, and says when there is no such part', async () => {
    const owner = newUser();
    const bytes = randomBytes(100_000);
    const { id } = await stored(platform, owner, bytes);
    const part = await call(platform, owner, id, { headers: { range: 'bytes=65530-65549' } });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe('bytes 65530-65549/100000');
    expect(part.headers.get('content-length')).toBe('20');
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(65_530, 65_550));

    const beyond = await call(platform, owner, id, { headers: { range: 'bytes=100000-' } });
    expect(beyond.headers.get('content-range')).toBe('bytes */100000');
    expect(await problemOf(beyond)).toBe('416 request.range');
  });

  it('answers HEAD with the headers alone, and 304 to whoever has the bytes', async () => {
    const owner = newUser();
    const { id } = await stored(platform, owner, randomBytes(500));
    const head = await call(platform, owner, id, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe('500');
    expect(await head.text()).toBe('');
    const ranged = { method: 'HEAD', headers: { range: 'bytes=10-20' } };
    const whole = await call(platform, owner, id, ranged);
    expect([whole.status, whole.headers.get('content-length')]).toEqual([200, '500']);
    const etag = head.headers.get('etag') ?? '';
    const unchanged = await call(platform, owner, id, { headers: { 'if-none-match': etag } });
    expect(unchanged.status).toBe(304);
    expect(unchanged.headers.get('etag')).toBe(etag);
    expect(await unchanged.text()).toBe('');
  });

  it('forgets a deleted file: its row, its bytes and what it cost', async () => {
    const owner = newUser();
    const { id } = await stored(platform, owner, randomBytes(500));
    const { blob_key } = await platform.database.query
      .selectFrom('files')
      .select('blob_key')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    expect(blob_key).not.toBe(id);
    expect((await call(platform, owner, id, { method: 'DELETE' })).status).toBe(204);
    expect(await problemOf(await call(platform, owner, id))).toBe('404 file.not-found');
    expect(await problemOf(await call(platform, owner, id, { method: 'DELETE' }))).toBe(
      '404 file.not-found',
    );
    expect(await platform.blobs.get(blob_key)).toBeUndefined();
    expect(await usage(platform, owner)).toBe(0);
  });
});

describe('a file', () => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await startPlatform({ store: 'directory' });
  });
  afterAll(() => platform.close());

  const join = (conversation: string, user: string) =>
    platform.members.add(`${conversation} ${user}`);
  const leave = (conversation: string, user: string) =>
    platform.members.delete(`${conversation} ${user}`);
  const secondLater = () => new Promise((resolve) => setTimeout(resolve, 1_050));

  it('is not there for a stranger, in the same words as one that never was', async () => {
    const owner = newUser();
    const stranger = newUser();
    const { id } = await stored(platform, owner);
    const requests = [
      ['GET', ''],
      ['HEAD', ''],
      ['GET', '/info'],
      ['DELETE', ''],
    ] as const;
    for (const [method, path] of requests) {
      const answers = [];
      for (const file of [id, randomUUID()]) {
        const answer = await call(platform, stranger, file + path, { method });
        // Its own name, and a limit that says how often this caller has asked, whatever for.
        const {
          'x-request-id': _,
          'ratelimit-remaining': ___,
          ...headers
        } = Object.fromEntries(answer.headers);
        const { instance: __, ...problem } = method === 'HEAD' ? {} : await answer.json();
        answers.push({ status: answer.status, headers, problem });
      }
      expect(answers[0]).toEqual(answers[1]);
      expect(answers[0]?.status).toBe(404);
    }
    expect(await problemOf(await grant(platform, stranger, id, newConversation()))).toBe(
      '404 file.not-found',
    );
    expect((await call(platform, owner, id)).status).toBe(200);
  });

  it('is read by the members of a conversation that it is shared in, until they leave', async () => {
    const [owner, member, stranger] = [newUser(), newUser(), newUser()];
    const conversation = newConversation();
    join(conversation, owner);
    join(conversation, member);
    const { id } = await stored(platform, owner);
    expect((await call(platform, member, id)).status).toBe(404);
    for (let times = 0; times < 2; times++) {
      expect((await grant(platform, owner, id, conversation)).status).toBe(204);
    }
    expect((await call(platform, member, id)).status).toBe(200);
    expect((await call(platform, member, `${id}/info`)).status).toBe(200);
    expect((await call(platform, stranger, id)).status).toBe(404);
    expect((await call(platform, member, id, { method: 'DELETE' })).status).toBe(404);

    leave(conversation, member);
    await secondLater();
    expect((await call(platform, member, id)).status).toBe(404);
  });

  it('is passed on by whoever may read it, into conversations of their own only', async () => {
    const [owner, member, friend] = [newUser(), newUser(), newUser()];
    const [first, second] = [newConversation(), newConversation()];
    for (const user of [owner, member]) join(first, user);
    for (const user of [member, friend]) join(second, user);
    const { id } = await stored(platform, owner);
    await grant(platform, owner, id, first);
    expect(await problemOf(await grant(platform, owner, id, second))).toBe(
      '404 conversation.not-found',
    );
    expect((await grant(platform, member, id, second)).status).toBe(204);
    expect((await call(platform, friend, id)).status).toBe(200);
  });

  it('asks the message service once a second at most for one reader', async () => {
    const [owner, member] = [newUser(), newUser()];
    const conversation = newConversation();
    join(conversation, owner);
    join(conversation, member);
    const { id } = await stored(platform, owner);
    await grant(platform, owner, id, conversation);
    const before = platform.asked();
    await Promise.all(Array.from({ length: 20 }, () => call(platform, member, `${id}/info`)));
    expect(platform.asked() - before).toBe(1);
  });

  it('may be shared in a hundred conversations and no more', async () => {
    const owner = newUser();
    const { id } = await stored(platform, owner);
    const conversations = Array.from({ length: 101 }, newConversation);
    for (const conversation of conversations) join(conversation, owner);
    const answers: number[] = [];
    // As many at once as the database has connections; some of them across the bound.
    while (conversations.length > 0) {
      const granted = conversations
        .splice(0, 8)
        .map((conversation) => grant(platform, owner, id, conversation));
      answers.push(...(await Promise.all(granted)).map(({ status }) => status));
    }
    expect(answers.filter((status) => status === 204)).toHaveLength(100);
    expect(answers.filter((status) => status === 409)).toHaveLength(1);
  });

  it('says that it cannot tell while the message service is down, and lets its owner read', async () => {
    const [owner, member] = [newUser(), newUser()];
    const conversation = newConversation();
    for (const user of [owner, member]) join(conversation, user);
    const { id } = await stored(platform, owner);
    await grant(platform, owner, id, conversation);
    platform.message.down = true;
    try {
      const refused = await call(platform, member, id);
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(await problemOf(refused)).toBe('503 service.unavailable');
      expect((await call(platform, owner, id)).status).toBe(200);
    } finally {
      platform.message.down = false;
    }
    expect((await call(platform, member, id)).status).toBe(200);
  });

  it.each(['..', '%2e%2e', '../../etc/passwd', '%2fetc%2fpasswd', 'a'.repeat(36), '%00', '0'])(
    'has no name such as %s',
    async (name) => {
      const { status } = await call(platform, newUser(), name);
      expect([400, 404]).toContain(status);
    },
  );

  it('is refused without its media type', async () => {
    const answer = await call(platform, newUser(), 'upload', {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: 'hello',
    });
    expect(await problemOf(answer)).toBe('415 request.media-type');
  });
});

describe('the quota', () => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await startPlatform({
      store: 'directory',
      environment: { FILE_QUOTA_BYTES: '100000' },
    });
  });
  afterAll(() => platform.close());

  it('is used up by uploads together, announced or not, and given back by deletion', async () => {
    const owner = newUser();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => upload(platform, owner, randomBytes(40_000))),
    );
    const kept = answers.filter(({ status }) => status === 201);
    expect(kept.length).toBeLessThanOrEqual(2);
    expect(await usage(platform, owner)).toBe(kept.length * 40_000);
    while ((await upload(platform, owner, randomBytes(10_000))).status === 201);
    expect(await problemOf(await upload(platform, owner, randomBytes(10_001)))).toBe(
      '507 file.quota',
    );
    expect(await usage(platform, owner)).toBe(100_000);
    for (const answer of kept) {
      const { id } = await answer.json();
      await call(platform, owner, id, { method: 'DELETE' });
    }
    expect(await usage(platform, owner)).toBe(100_000 - kept.length * 40_000);
    expect((await upload(platform, owner, randomBytes(10_000))).status).toBe(201);
  });

  it('of one user is not spent by another', async () => {
    await stored(platform, newUser(), randomBytes(100_000));
    await stored(platform, newUser(), randomBytes(100_000));
  });

  it('bounds how many files there are, also empty ones', async () => {
    const owner = newUser();
    const ids: string[] = [];
    for (let count = 0; count < 24; count += 1) {
      ids.push((await stored(platform, owner, randomBytes(count))).id);
    }
    expect(await usage(platform, owner)).toBe(24 * 4096);
    expect(await problemOf(await upload(platform, owner, new Uint8Array()))).toBe('507 file.quota');
    for (const id of ids) await call(platform, owner, id, { method: 'DELETE' });
    expect(await usage(platform, owner)).toBe(0);
  });

  it('counts files anew that were stored when small ones cost less', async () => {
    const { query } = platform.database;
    const owner = newUser();
    for (const size of [0, 5000]) await stored(platform, owner, randomBytes(size));
    await query.updateTable('usage').set({ bytes: 5000 }).where('owner', '=', owner).execute();
    await leastCharge(query);
    expect(await usage(platform, owner)).toBe(4096 + 5000);
  });
});
