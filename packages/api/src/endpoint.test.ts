import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { bodyBytesMax } from './endpoint.ts';
import { endpoints, publishOneTimePrekeys, sendMessage, sendProvisioning } from './index.ts';
import {
  ANONYMOUS_BODY_BYTES_MAX,
  BODY_BYTES_MAX,
  KEY_ID_MAX,
  MESSAGE_BODY_BYTES_MAX,
  ONE_TIME_PREKEYS_PER_UPLOAD_MAX,
} from './limits.ts';

test("only a message and a linked device's account may be large, and what anyone may send must be small", () => {
  expect(bodyBytesMax(sendMessage)).toBe(MESSAGE_BODY_BYTES_MAX);
  const large: string[] = [sendMessage.id, sendProvisioning.id];
  for (const spec of endpoints.filter(({ id }) => !large.includes(id))) {
    const expected = spec.access === 'anyone' ? ANONYMOUS_BODY_BYTES_MAX : BODY_BYTES_MAX;
    expect([spec.id, bodyBytesMax(spec)]).toEqual([spec.id, expected]);
  }
});

test('a full upload of one-time prekeys fits', () => {
  const prekeys = Array.from({ length: ONE_TIME_PREKEYS_PER_UPLOAD_MAX }, (_, index) => ({
    id: KEY_ID_MAX - index,
    publicKey: new Uint8Array(32),
  }));
  const body = JSON.stringify(z.encode(publishOneTimePrekeys.body, { prekeys }));
  expect(body.length).toBeLessThan(bodyBytesMax(publishOneTimePrekeys) / 2);
});
