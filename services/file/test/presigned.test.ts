/** Downloads that the store itself gives, by addresses that are good for one of them and not for long. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, newUser, problemOf, sha256, stored } from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';

const endpoint = process.env.TEST_S3_ENDPOINT ?? '';

describe.runIf(endpoint !== '')('a platform that sends its readers to the store', () => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await startPlatform({
      store: 's3',
      environment: { S3_ENDPOINT: endpoint, S3_PRESIGNED_DOWNLOADS: 'true' },
    });
  });
  afterAll(() => platform.close());

  async function locationOf(bytes: Uint8Array<ArrayBuffer>) {
    const owner = newUser();
    const { id } = await stored(platform, owner, bytes);
    const answer = await call(platform, owner, id);
    expect(answer.status).toBe(307);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.text()).toBe('');
    return { owner, id, location: new URL(answer.headers.get('location') ?? '') };
  }

  test('gives the bytes to whoever follows, whole and in ranges, without a token', async () => {
    const bytes = randomBytes(100_000);
    const { location } = await locationOf(bytes);
    const whole = await fetch(location);
    expect(whole.status).toBe(200);
    expect(whole.headers.get('content-disposition')).toBe('attachment');
    expect(sha256(new Uint8Array(await whole.arrayBuffer()))).toBe(sha256(bytes));
    const part = await fetch(location, { headers: { range: 'bytes=10-19' } });
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(10, 20));
  });

  test('by an address for five minutes, for GET, and for that object alone', async () => {
    const { location } = await locationOf(randomBytes(10));
    const other = await locationOf(randomBytes(10));
    expect(location.searchParams.get('X-Amz-Expires')).toBe('300');
    for (const method of ['PUT', 'DELETE', 'HEAD']) {
      expect((await fetch(location, { method })).status, method).toBe(403);
    }
    const swapped = new URL(location);
    swapped.pathname = other.location.pathname;
    expect((await fetch(swapped)).status).toBe(403);
    const longer = new URL(location);
    longer.searchParams.set('X-Amz-Expires', '3000');
    expect((await fetch(longer)).status).toBe(403);
    expect((await fetch(location)).status).toBe(200);
  });

  test('answers all else by itself, and strangers not at all', async () => {
    const { owner, id } = await locationOf(randomBytes(50));
    const head = await call(platform, owner, id, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '50']);
    expect((await call(platform, owner, `${id}/info`)).status).toBe(200);
    const headers = { 'if-none-match': head.headers.get('etag') ?? '' };
    expect((await call(platform, owner, id, { headers })).status).toBe(304);
    const beyond = await call(platform, owner, id, { headers: { range: 'bytes=50-' } });
    expect(await problemOf(beyond)).toBe('416 request.range');
    const stranger = await call(platform, newUser(), id);
    expect(stranger.headers.get('location')).toBeNull();
    expect(await problemOf(stranger)).toBe('404 file.not-found');
  });
});

test('downloads cannot be left to a store that is a directory', async () => {
  const started = startPlatform({
    store: 'directory',
    environment: { S3_PRESIGNED_DOWNLOADS: 'true' },
  });
  await expect(started).rejects.toThrow('S3_PRESIGNED_DOWNLOADS');
});
