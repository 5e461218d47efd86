/**
 * What connected devices hear of keys at once: that theirs run low, that somebody's have changed, that they have been
 * given up. One node gets each event; the devices may be on any, so it tells all by a signal.
 *
 * A signal may be lost. Nothing depends on it: a device counts its keys at each start, a send for other devices than
 * those of now is refused, the key log says who has another identity, and sessions end by their revocation.
 */
import { CLOSE_CODES, DeviceId, UserId } from '@sotto/api';
import type { Event } from '@sotto/api/internal';
import { type Bus, type Closable, consumeEvent, type Database } from '@sotto/runtime';
import { z } from 'zod';
import { findAcquaintances } from './acquaintance-store.ts';
import { deleteCursors } from './cursor-store.ts';
import type { Cursors } from './cursors.ts';
import type { Events } from './events.ts';
import type { Hub } from './hub.ts';
import { deleteSubscription } from './push-store.ts';
import type { Tables } from './schema.ts';

const SUBJECT = 'presence.key-hint';

const Hint = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('prekeys-low'), device: DeviceId, available: z.int() }),
  z.strictObject({
    type: z.literal('keys-changed'),
    user: UserId,
    what: z.enum(['device-list', 'identity']),
    /** Who is told. */
    to: z.array(UserId),
  }),
  z.strictObject({ type: z.literal('device-retired'), device: DeviceId }),
]);
type Hint = z.infer<typeof Hint>;

export interface KeyHintsDeps {
  database: Pick<Database<Tables>, 'query'>;
  hub: Pick<Hub, 'find' | 'ofUser'>;
  cursors: Pick<Cursors, 'forget'>;
  events: Pick<Events, 'retirementFailed'>;
}

/** Has every node that is up forget a device: each may hold an acknowledgement or a count of it that is not written yet. */
export function signalRetired(bus: Pick<Bus, 'signal'>, device: DeviceId): void {
  signalHint(bus, { type: 'device-retired', device });
}

function signalHint(bus: Pick<Bus, 'signal'>, hint: Hint): void {
  bus.signal(SUBJECT, Buffer.from(JSON.stringify(hint)));
}

/** Passes events on to the sockets of all nodes, and signals to those of this one, until it is closed. */
export async function startKeyHints(bus: Bus, deps: KeyHintsDeps): Promise<Closable> {
  const signal = (hint: Hint) => signalHint(bus, hint);
  const tellChange = async (user: UserId, what: 'device-list' | 'identity') => {
    const to = await findAcquaintances(deps.database, user);
    signal({ type: 'keys-changed', user, what, to: [user, ...to] });
  };
  const name = 'message-key-hints';
  const closables = await Promise.all([
    bus.listen(SUBJECT, (data) => pass(deps, data)),
    consumeEvent(bus, name, 'events.prekeys.low', async (low) => {
      signal({ type: 'prekeys-low', ...low });
    }),
    consumeEvent(bus, name, 'events.device-list.changed', ({ user }) =>
      tellChange(user, 'device-list'),
    ),
    consumeEvent(bus, name, 'events.identity.changed', ({ user }) => tellChange(user, 'identity')),
    consumeEvent(bus, 'message-retired-devices', 'events.device.retired', async ({ device }) => {
      signalRetired(bus, device);
      await retire(deps, device);
    }),
    consumeEvent(bus, 'message-ended-sessions', 'events.session.revoked', (ended) =>
      endWakeUps(deps, ended),
    ),
  ]);
  return {
    async close() {
      await Promise.all(closables.map((closable) => closable.close()));
    },
  };
}

/** Each node forgets a device by itself, since each may hold an acknowledgement of it that is not written yet. */
async function retire({ database, hub, cursors }: KeyHintsDeps, device: DeviceId): Promise<void> {
  hub.find(device)?.close(CLOSE_CODES.tokenEnded);
  await cursors.forget(device);
  await deleteCursors(database, device);
  await deleteSubscription(database.query, { device });
}

/**
 * Whoever has logged out is not woken any more, nor is who has the device next. A session that began since has subscribed
 * anew.
 */
async function endWakeUps(
  { database }: Pick<KeyHintsDeps, 'database'>,
  { device, at }: Event<'events.session.revoked'>,
): Promise<void> {
  if (device === undefined) return;
  await deleteSubscription(database.query, { device, madeUntil: new Date(at) });
}

function pass(deps: KeyHintsDeps, data: Uint8Array): void {
  const parsed = Hint.safeParse(JSON.parse(Buffer.from(data).toString()));
  // From a newer node: nothing that this one could tell its clients.
  if (!parsed.success) return;
  const hint = parsed.data;
  switch (hint.type) {
    case 'prekeys-low': {
      const { type, available } = hint;
      deps.hub.find(hint.device)?.tell({ type, available });
      return;
    }
    case 'keys-changed': {
      const { type, user, what } = hint;
      for (const told of hint.to) {
        for (const attendee of deps.hub.ofUser(told)) attendee.tell({ type, user, what });
      }
      return;
    }
    case 'device-retired':
      // The node that has the event tries until it succeeds; all that can stay is the last acknowledgement of this one.
      retire(deps, hint.device).catch(deps.events.retirementFailed);
      return;
    default:
      hint satisfies never;
  }
}
