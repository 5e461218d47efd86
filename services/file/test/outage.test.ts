/** What becomes of uploads while the database does not answer. */
import { randomBytes } from 'node:crypto';
import { cuttableWire } from '@sotto/runtime/testing';
import { expect, test } from 'vitest';
import { MARKER_KEY } from '../src/store-marker.ts';
import { call, newUser, rows, sha256, stored } from './client.fixture.ts';
import { startPlatform } from './platform.fixture.ts';

test('an upload whose bytes are there outlives a database that is away for a moment', async () => {
  const wire = await cuttableWire(process.env.TEST_DATABASE_URL ?? '');
  const { hostname: host, port } = new URL(wire.url);
  let isCut = false;
  const platform = await startPlatform({
    store: 'directory',
    databaseAt: { host, port: Number(port) },
    withBlobs: (blobs) => ({
      ...blobs,
      async put(key, body) {
        const size = await blobs.put(key, body);
        // That one is the sweeper's, at whatever moment it comes.
        if (key === MARKER_KEY) return size;
        isCut = true;
        wire.cut();
        setTimeout(wire.restore, 1_500);
        return size;
      },
    }),
  });
  try {
    const bytes = randomBytes(1000);
    const owner = newUser();
    const { id } = await stored(platform, owner, bytes);
    expect(isCut).toBe(true);
    const answer = await call(platform, owner, id);
    expect(sha256(new Uint8Array(await answer.arrayBuffer()))).toBe(sha256(bytes));
    expect(await rows(platform)).toHaveLength(1);
  } finally {
    await platform.close();
    await wire.close();
  }
});
