/** Which of two profiles is the newer one, whatever the platform says of when it got them. */
import { ConversationId, DeviceId, MessageId, UserId } from '@sotto/api';
import { makeIdentity, nobleProvider } from '@sotto/crypto';
import { expect, test } from 'vitest';
import { createEvents } from '../events.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { openSessions } from '../trust/sessions.ts';
import { getProfile } from './profile.ts';
import { takeProfile } from './profile-arrival.ts';

const idOf = (number: number) => `018f0000-0000-7000-8000-00000000000${number}`;
const USER = UserId.parse(idOf(1));
const [FIRST, SECOND] = [DeviceId.parse(idOf(2)), DeviceId.parse(idOf(3))];
const [LONG_AGO, NOW] = [1_000, 1_800_000_000_000];

test.each([
  ['of the same device', FIRST],
  ['of another device', SECOND],
])(
  'an older profile %s does not come back, whenever the platform got the newer one',
  async (_, by) => {
    const store = openMemoryStore();
    await arrive(store, { by: FIRST, time: NOW - 10, name: 'After', gotAt: LONG_AGO });
    await arrive(store, { by, time: NOW - 20, name: 'Before', gotAt: NOW });
    expect(await nameIn(store)).toBe('After');
    await arrive(store, { by, time: NOW - 5, name: 'Newest', gotAt: LONG_AGO });
    expect(await nameIn(store)).toBe('Newest');
  },
);

test('one that came while our clock was behind is held by its own time once that is right', async () => {
  const store = openMemoryStore();
  const now = NOW - 1_000;
  await arrive(store, { by: FIRST, time: NOW - 10, name: 'After', gotAt: LONG_AGO, now });
  await arrive(store, { by: SECOND, time: NOW - 20, name: 'Before', gotAt: NOW });
  expect(await nameIn(store)).toBe('After');
});

interface Told {
  readonly by: DeviceId;
  readonly time: number;
  readonly name: string;
  /** When the platform got it, as it says. */
  readonly gotAt: number;
  /** Our clock. */
  readonly now?: number;
}

function arrive(store: Store, { by, time, name, gotAt, now = NOW }: Told): Promise<void> {
  const conversation = ConversationId.parse(idOf(4));
  const local = {
    identity: makeIdentity(nobleProvider),
    address: { user: idOf(5), device: idOf(6) },
    registrationId: 1,
  };
  const deps = { provider: nobleProvider, local, clock: () => now };
  return store.transaction((transaction) =>
    takeProfile(
      {
        ...deps,
        transaction,
        sessions: openSessions(transaction, deps),
        conversation: { id: conversation, kind: 'direct', members: [] },
        events: createEvents(),
        wake() {},
        later: [],
        onMissed() {},
        onLogBehind() {},
        prove() {},
        repaired: [],
      },
      {
        id: MessageId.parse(idOf(7)),
        seq: 1,
        sender: { user: USER, device: by },
        sentAt: new Date(gotAt).toISOString(),
        time,
        content: new Uint8Array(0),
      },
      { type: 'profile', time, name },
    ),
  );
}

async function nameIn(store: Store): Promise<string | undefined> {
  return (await store.transaction((transaction) => getProfile(transaction, USER)))?.name;
}
