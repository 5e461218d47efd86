import type { Me } from '@sotto/client';
import { beforeEach, expect, test, vi } from 'vitest';
import {
  disableNotifications,
  enableNotifications,
  endNotifications,
  notificationState,
  renewNotifications,
} from './notifications.ts';

const KEY = new Uint8Array(65).fill(4);
const ALICE: Pick<Me, 'user'> = { user: '0197c0de-0000-7000-8000-00000000000a' as Me['user'] };
const BOB: Pick<Me, 'user'> = { user: '0197c0de-0000-7000-8000-00000000000b' as Me['user'] };

/** What the platform was told, in order. */
let told: string[];
const client = {
  pushKey: async () => KEY,
  subscribePush: async ({ endpoint }: { endpoint: string }) => void told.push(endpoint),
  unsubscribePush: async () => void told.push('nothing'),
};
const gone = {
  ...client,
  unsubscribePush: () => Promise.reject(new Error('the session has ended')),
};

/** A browser whose person lets the page notify them. */
beforeEach(() => {
  told = [];
  const notes = new Map<string, string>();
  let count = 0;
  let subscription: { endpoint: string; options: object; unsubscribe(): Promise<void> } | null =
    null;
  const subscribe = async ({ applicationServerKey }: { applicationServerKey: Uint8Array }) => {
    count += 1;
    subscription ??= {
      endpoint: `https://push.example/${count}`,
      options: { applicationServerKey },
      unsubscribe: async () => {
        subscription = null;
      },
    };
    return subscription;
  };
  const pushManager = { subscribe, getSubscription: async () => subscription };
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => notes.get(key) ?? null,
    setItem: (key: string, value: string) => void notes.set(key, value),
  });
  vi.stubGlobal('navigator', { serviceWorker: { getRegistration: async () => ({ pushManager }) } });
  vi.stubGlobal('PushManager', class {});
  vi.stubGlobal('Notification', {
    permission: 'granted',
    requestPermission: async () => 'granted',
  });
  return () => vi.unstubAllGlobals();
});

test('who turned it on is woken, and stays so with each start', async () => {
  expect(await enableNotifications({ client, me: ALICE })).toBe('on');
  await renewNotifications({ client, me: ALICE });
  expect(told).toEqual(['https://push.example/1', 'https://push.example/1']);
});

test('who comes after somebody else is not woken unasked, and ends what that one has left', async () => {
  await enableNotifications({ client, me: ALICE });
  told = [];
  expect(await notificationState({ client, me: BOB })).toBe('off');
  await renewNotifications({ client, me: BOB });
  expect(told).toEqual([]);
  expect(await notificationState({ client, me: ALICE })).toBe('off');
});

test('a session that ends takes its notifications along, and brings them back', async () => {
  await enableNotifications({ client, me: ALICE });
  await endNotifications(gone);
  expect(await notificationState({ client, me: ALICE })).toBe('off');
  await renewNotifications({ client, me: ALICE });
  expect(told.at(-1)).toBe('https://push.example/2');
});

test('who turned it off is left alone', async () => {
  await enableNotifications({ client, me: ALICE });
  expect(await disableNotifications({ client, me: ALICE })).toBe('off');
  await renewNotifications({ client, me: ALICE });
  expect(told).toEqual(['https://push.example/1', 'nothing']);
});
