/** The first frames of a connection: who the device is, and what it must have if its store is not behind (DESIGN 3). */
import { type ConversationId, CURSORS_PER_FRAME_MAX } from '@sotto/api';
import type { Caller, Database } from '@sotto/runtime';
import { readMarks } from './cursor-store.ts';
import type { Cursors } from './cursors.ts';
import type { Incarnation } from './incarnation.ts';
import type { Tables } from './schema.ts';
import type { Turnstile } from './turnstile.ts';

export interface GreetingDeps {
  database: Pick<Database<Tables>, 'pool'>;
  cursors: Pick<Cursors, 'settle'>;
  incarnation: Incarnation;
  /** Shared by all sockets of the node. */
  turnstile: Turnstile;
}

/** The texts of `hello`, and of `cursors` where there are more than fit into it. Throws what the database throws. */
export async function* greetingOf(
  { database, cursors: pending, incarnation, turnstile }: GreetingDeps,
  { user, device }: Pick<Caller, 'user' | 'device'>,
): AsyncGenerator<string, void> {
  const read = (after?: ConversationId) =>
    turnstile(() => readMarks(database, device, { after, limit: CURSORS_PER_FRAME_MAX }));
  // A copy of its store that heard less than what it did a moment ago would encrypt with the same keys again.
  await pending.settle(device);
  let { sent, cursors } = await read();
  const hello = { type: 'hello', user, device, incarnation: await incarnation() };
  yield JSON.stringify({ ...hello, sent, cursors });
  while (cursors.length === CURSORS_PER_FRAME_MAX) {
    ({ cursors } = await read(cursors.at(-1)?.conversation));
    if (cursors.length > 0) yield JSON.stringify({ type: 'cursors', cursors });
  }
}
