/** What a client answers to one who follows it: its methods, by their names, and what it tells for as long as it is heard. */
import { ConversationId, UserId } from '@sotto/api';
import * as z from 'zod/mini';
import type { Client } from '../client-interface.ts';
import { createBell } from '../connection/bell.ts';
import type { ClientEvent } from '../events.ts';
import type { Observable } from '../state/observable.ts';
import { createEventTelling, type Hear } from './event-telling.ts';
import { LINE_BACKUP_BYTES_MAX } from './limits.ts';
import { changeOf } from './list-change.ts';
import { CLIENT_METHODS, GROUP_METHODS, PEOPLE_METHODS } from './method-table.ts';
import { idOf } from './repetition.ts';
import type { Sharing } from './sharing.ts';
import type { Ask } from './wire.ts';

const Listener = z.custom<Hear>((value) => typeof value === 'function');
const Streamed = z.object({
  stream: z.custom<ReadableStream<Uint8Array>>((value) => value instanceof ReadableStream),
  size: z.number(),
});
const Options = z.optional(
  z.object({ signal: z.optional(z.custom<AbortSignal>((value) => value instanceof AbortSignal)) }),
);
const Loop = z.string().check(z.maxLength(64));
const EventName = z.custom<ClientEvent>((value) => typeof value === 'string' && value.length < 64);
const Place = z.union([
  z.strictObject({ name: z.literal(['connection', 'conversations']) }),
  z.strictObject({ name: z.literal('messages'), of: ConversationId }),
  z.strictObject({ name: z.literal(['presence', 'profile']), of: UserId }),
]);
/** Which observable of a client's state, and for those that there are many of, of whom. */
export type Place = z.infer<typeof Place>;

/**
 * Answers one who follows `client`, until `gone`. Rejects with a `TypeError` for what no client has, and as the client's
 * methods do.
 */
export function answersOf(client: Client, { turns, once }: Sharing, gone: AbortSignal): Ask {
  const loops = new Set<string>();
  gone.addEventListener('abort', () => {
    for (const loop of loops) turns.end(loop);
  });
  const events = createEventTelling(client, gone);
  const special: Readonly<Record<string, Ask>> = {
    'messages.next'(_, [loop]) {
      const name = Loop.parse(loop);
      loops.add(name);
      return turns.next(name);
    },
    async 'messages.end'(_, [loop]) {
      const name = Loop.parse(loop);
      loops.delete(name);
      turns.end(name);
    },
    async 'connect.keep'(_, [isAgain], signal = gone) {
      if (isAgain === true) await client.connect();
      await untilAborted(signal);
    },
    async 'state.older'(_, [conversation]) {
      return client.state.messages(ConversationId.parse(conversation)).older();
    },
    'state.follow': (_, [place, listener], signal = gone) =>
      tellValue(observableAt(client, place), Listener.parse(listener), signal),
    restoreBackup: async (_, [words, backup, options]) =>
      client.restoreBackup(
        z.string().parse(words),
        await wholeBackup(backup),
        Options.parse(options),
      ),
    'events.tell': (_, [listener], signal = gone) => events.tell(Listener.parse(listener), signal),
    'events.listen': async (_, [name]) => events.listen(EventName.parse(name)),
    'events.unlisten': async (_, [name]) => events.unlisten(EventName.parse(name)),
  };
  return async (name, args, signal) => {
    const answer = Object.hasOwn(special, name) ? special[name] : undefined;
    if (answer !== undefined) return answer(name, args, signal);
    const id = idOf(name, args);
    const work = async () => callMethod(client, name, args);
    return id === undefined ? work() : once(id, work);
  };
}

function callMethod(client: Client, path: string, args: readonly unknown[]): unknown {
  const [door, name] = doorOf(client, path);
  return Reflect.apply(Reflect.get(door, name), door, args);
}

/** The part of a client that has a method, and what that is called there. */
function doorOf(client: Client, path: string): [object, string] {
  const [first = '', second = ''] = path.split('.');
  if (Object.hasOwn(CLIENT_METHODS, path)) return [client, path];
  const isOfGroups = first === 'groups' && Object.hasOwn(GROUP_METHODS, second);
  if (isOfGroups) return [client.groups, second];
  const isOfPeople = first === 'people' && Object.hasOwn(PEOPLE_METHODS, second);
  if (isOfPeople) return [client.people, second];
  throw new TypeError(`a client has no ${path}`);
}

function observableAt({ state }: Client, value: unknown): Observable<unknown> {
  const place = Place.parse(value);
  if (!('of' in place)) return state[place.name];
  return place.name === 'messages' ? state.messages(place.of) : state[place.name](place.of);
}

/** Backups are read twice, and what comes over a socket can be read once. */
async function wholeBackup(backup: unknown): Promise<Blob> {
  if (backup instanceof Blob) return backup;
  const { stream, size } = Streamed.parse(backup);
  if (size <= LINE_BACKUP_BYTES_MAX) return new Response(stream).blob();
  throw new RangeError('the backup is too large to be restored by another process');
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve());
  });
}

/** Tells what somebody would see who looks when they have time: of several values, the newest. */
async function tellValue(
  observable: Observable<unknown>,
  hear: Hear,
  ended: AbortSignal,
): Promise<void> {
  const bell = createBell();
  const end = observable.subscribe(bell.ring);
  ended.addEventListener('abort', bell.ring);
  let told: unknown;
  try {
    while (!ended.aborted) {
      const value = observable.get();
      if (value === told) await bell.wait();
      else await hear(changeOf(told, value));
      told = value;
    }
  } finally {
    end();
  }
}
