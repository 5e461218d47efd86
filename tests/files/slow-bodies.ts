/** Many uploads at once that bring something and then next to nothing: each holds a connection, and what it has brought. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type SpokenBody, speakBody } from './spoken-body.ts';

export interface SlowBodies {
  /** How many hang still: none of their requests was answered. */
  hanging(): number;
  /** All go away. */
  leave(): void;
}

export interface SlowBodiesOptions {
  token: string;
  count: number;
  /** What each brings at once; a byte a second follows. */
  broughtBytes: number;
}

/** What each promises. */
const PROMISED_BYTES = 50 * 1024 * 1024;

/** Resolves when all have said what they bring at once, or are kept from it by a server that does not read. */
export async function openSlowBodies(
  origin: string,
  { token, count, broughtBytes }: SlowBodiesOptions,
): Promise<SlowBodies> {
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(PROMISED_BYTES),
  };
  const brought = Buffer.alloc(broughtBytes, 'slow');
  const bodies: SpokenBody[] = [];
  let answered = 0;
  while (bodies.length < count) {
    const body = await speakBody(origin, { token, headers });
    bodies.push(body);
    void body.heard.then(() => {
      answered += 1;
    });
    await Promise.race([body.say(brought), sleep(UNREAD_MS)]);
  }
  const trickle = setInterval(() => {
    for (const body of bodies) void body.say('.');
  }, 1_000);
  return {
    hanging: () => count - answered,
    leave() {
      clearInterval(trickle);
      for (const body of bodies) body.leave();
    },
  };
}

/** A server that has not taken the bytes by then lets them wait. */
const UNREAD_MS = 200;
