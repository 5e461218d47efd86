/** What a platform that has come back is asked for: a file, and a place for somebody new. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient, openMemoryStore } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { PASSWORD, type Person } from './people.ts';

/** From when, for how long, and what ends it. */
export interface Watch {
  readonly since: number;
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

type UserId = Awaited<ReturnType<Person['register']>>;
type ConversationId = Awaited<ReturnType<ReturnType<Person['client']>['openDirect']>>['id'];

const FILE_BYTES = 40_000;
const LOOK_EVERY_MS = 50;
const TRY_EVERY_MS = 250;
/** One attempt; what hangs for longer is begun anew. */
const ATTEMPT_MS_MAX = 20_000;

/** Milliseconds until something was so, or undefined when it never was. */
export async function whenTrue(watch: Watch, isSo: () => boolean): Promise<number | undefined> {
  const { since, withinMs, signal } = watch;
  while (performance.now() < since + withinMs) {
    if (isSo()) return Math.round(performance.now() - since);
    await pause(LOOK_EVERY_MS, undefined, { signal });
  }
  return undefined;
}

/** Milliseconds until an attempt succeeded, counted from 1. */
export async function whenDone(
  watch: Watch,
  attempt: (number: number) => Promise<void>,
): Promise<number | undefined> {
  const { since, withinMs, signal } = watch;
  for (let number = 1; performance.now() < since + withinMs; number++) {
    try {
      await attempt(number);
      return Math.round(performance.now() - since);
    } catch {
      // It is down, or was when this began; what stays wrong shows by the time that runs out.
      await pause(TRY_EVERY_MS, undefined, { signal });
    }
  }
  return undefined;
}

/** A file goes from one person to another. Throws when it does not arrive, or is another one. */
export async function passFile(
  from: Person,
  to: Person,
  { conversation, name }: { readonly conversation: ConversationId; readonly name: string },
): Promise<void> {
  const data = randomBytes(FILE_BYTES);
  await from.client().sendFile(conversation, { name, type: 'application/octet-stream', data });
  const watch = watchFromNow();
  await whenTrue(watch, () => to.files.has(name));
  const message = to.files.get(name);
  if (message === undefined) throw new Error(`${name} did not arrive`);
  const opened = await to.client().openFile(message, { signal: watch.signal });
  const bytes = Buffer.from(await new Response(opened.stream).arrayBuffer());
  if (!bytes.equals(data)) throw new Error(`${name} is another file`);
}

/** Somebody registers, publishes keys and writes to a person. Throws when the text does not arrive. */
export async function comeIn(
  url: string,
  name: string,
  { to, id }: { readonly to: Person; readonly id: UserId },
): Promise<void> {
  const client = createClient({ url, store: openMemoryStore(), provider: nodeProvider });
  try {
    const text = `- ${name} 0`;
    await client.register({ username: name, password: PASSWORD });
    await client.connect();
    const conversation = await client.openDirect(id);
    await client.sendText(conversation.id, text);
    await whenTrue(watchFromNow(), () => to.taken.has(text));
    if (!to.taken.has(text)) throw new Error(`the text of ${name} did not arrive`);
  } finally {
    await client.close();
  }
}

function watchFromNow(): Watch {
  const signal = AbortSignal.timeout(2 * ATTEMPT_MS_MAX);
  return { since: performance.now(), withinMs: ATTEMPT_MS_MAX, signal };
}
