/** Many uploads at once that bring something and then next to nothing: each holds a connection, and what it has brought. */
import { setTimeout as sleep } from 'node:timers/promises';
import { refusalIn, type SpokenBody, speakBody } from './spoken-body.ts';

export interface SlowBodies {
  /** What those were told that do not hang any more. */
  refusals(): string[];
  /** All go away, and give up what could be gone on with. */
  leave(): Promise<void>;
}

export interface SlowBodiesOptions {
  token: string;
  count: number;
  /** What each brings at once; a byte a second follows. */
  broughtBytes: number;
}

/** What each promises. */
const PROMISED_BYTES = 50 * 1024 * 1024;

/** So many begin together. */
const AT_ONCE = 10;

/** A server that has not taken the bytes by then lets them wait. */
const UNREAD_MS = 200;

/** Every other one is resumable. Resolves when all have said what they bring at once, or are kept from it. */
export async function openSlowBodies(
  origin: string,
  { token, count, broughtBytes }: SlowBodiesOptions,
): Promise<SlowBodies> {
  const brought = Buffer.alloc(broughtBytes, 'slow');
  const bodies: SpokenBody[] = [];
  const uploads: string[] = [];
  const refusals: string[] = [];
  const openOne = async (number: number): Promise<void> => {
    const path = number % 2 === 1 ? await begin(origin, token, PROMISED_BYTES) : undefined;
    if (path !== undefined) uploads.push(path);
    const head = path === undefined ? WHOLE : pieceHead(path);
    const body = await speakBody(origin, { token, ...head });
    bodies.push(body);
    void body.heard.then((heard) => refusals.push(refusalIn(heard)));
    await Promise.race([body.say(brought), sleep(UNREAD_MS)]);
  };
  for (let opened = 0; opened < count; opened += AT_ONCE) {
    const numbers = Array.from(
      { length: Math.min(AT_ONCE, count - opened) },
      (_, at) => opened + at,
    );
    await Promise.all(numbers.map(openOne));
  }
  const trickle = setInterval(() => {
    for (const body of bodies) void body.say('.');
  }, 1_000);
  return {
    refusals: () => refusals,
    async leave() {
      clearInterval(trickle);
      for (const body of bodies) body.leave();
      const headers = { authorization: `Bearer ${token}`, ...TUS };
      await Promise.all(
        uploads.map((path) => fetch(`${origin}${path}`, { method: 'DELETE', headers })),
      );
    },
  };
}

const TUS = { 'tus-resumable': '1.0.0' };

const WHOLE = {
  headers: {
    'content-type': 'application/octet-stream',
    'content-length': String(PROMISED_BYTES),
  },
};

function pieceHead(path: string) {
  return {
    ...{ method: 'PATCH', path },
    headers: {
      ...{ ...TUS, 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' },
      'content-length': String(PROMISED_BYTES),
    },
  };
}

/** Begins a resumable upload. Gives its path. */
export async function begin(origin: string, token: string, length: number): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, ...TUS, 'upload-length': String(length) };
  const response = await fetch(`${origin}/api/v1/files/uploads`, { method: 'POST', headers });
  if (response.status !== 201) throw new Error(`no upload was begun: ${await response.text()}`);
  return response.headers.get('location') ?? '';
}
