/** Web Push: wake-ups without content for a device that is not connected (RFC 8030, RFC 8292). */
import * as z from 'zod/mini';
import { bytesOf } from './bytes.ts';
import { endpoint } from './endpoint.ts';
import { PUSH_ENDPOINT_LENGTH_MAX } from './limits.ts';

export const getPushKey = endpoint({
  id: 'getPushKey',
  service: 'message',
  method: 'GET',
  path: '/api/v1/push/key',
  access: 'user',
  status: 200,
  /** An uncompressed point of P-256. */
  response: z.object({ key: bytesOf(65) }),
  problems: ['push.off'],
});

export const subscribePush = endpoint({
  id: 'subscribePush',
  service: 'message',
  method: 'PUT',
  path: '/api/v1/push/subscription',
  access: 'user',
  body: z.strictObject({
    endpoint: z.url({ protocol: /^https$/ }).check(z.maxLength(PUSH_ENDPOINT_LENGTH_MAX)),
    /** As the browser gives them. Nothing is encrypted to them: a wake-up has no content. */
    keys: z.optional(z.strictObject({ p256dh: bytesOf(65), auth: bytesOf(16) })),
  }),
  status: 204,
  problems: ['push.off', 'push.endpoint-refused'],
});

export const unsubscribePush = endpoint({
  id: 'unsubscribePush',
  service: 'message',
  method: 'DELETE',
  path: '/api/v1/push/subscription',
  access: 'user',
  status: 204,
  problems: [],
});

export const pushEndpoints = [getPushKey, subscribePush, unsubscribePush] as const;
