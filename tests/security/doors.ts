/** The platform's doors as anybody with a socket can knock on them: HTTP by `fetch`, and the WebSocket. */
import { once } from 'node:events';
import { SOCKET_PATH, SOCKET_PROTOCOL } from '@sotto/api';
import { WebSocket } from 'ws';
import { waitFor } from '../daemon.ts';

/** The password of every account here. */
export const PASSWORD = 'Correct-h0rse';

export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

export interface Knock {
  method?: string;
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** One request, whatever comes of it. */
export async function knock(url: string, knock: Knock = {}): Promise<Answer> {
  const { method = 'GET', token, body, headers = {} } = knock;
  const response = await fetch(url, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

/** Tries to open a WebSocket: the open socket, or the status that refused it. */
export async function knockSocket(origin: string, token: string): Promise<WebSocket | number> {
  const url = `${origin.replace(/^http/, 'ws')}${SOCKET_PATH}`;
  const socket = new WebSocket(url, [SOCKET_PROTOCOL], {
    headers: { authorization: `Bearer ${token}` },
  });
  socket.on('error', () => undefined);
  const refused = once(socket, 'unexpected-response').then(([request, response]) => {
    request.destroy();
    return response.statusCode as number;
  });
  return Promise.race([once(socket, 'open').then(() => socket), refused]);
}

/** A harmless read at each service that has accounts of its own to ask about. */
export const READS = ['/api/v1/auth/me', '/api/v1/keys/count', '/api/v1/conversations'] as const;

/** What each service says to a token. */
export async function readStatuses(origin: string, token: string): Promise<number[]> {
  const answers = await Promise.all(READS.map((path) => knock(`${origin}${path}`, { token })));
  return answers.map(({ status }) => status);
}

/** A service lets nobody in before it has heard once which sessions have ended; it asks every two seconds. */
export async function untilSettled(origin: string, token: string): Promise<void> {
  const isSettled = async () => {
    return (await readStatuses(origin, token)).every((status) => status === 200);
  };
  await waitFor(isSettled, SETTLED_MS);
}

const SETTLED_MS = 10_000;
