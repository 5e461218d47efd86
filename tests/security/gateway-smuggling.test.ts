/**
 * Requests that hide others inside, as strangers send them to a gateway with real services behind it: one reader's body
 * is another one's request.
 */
import { once } from 'node:events';
import { openSocketTicket, SOCKET_PATH, SOCKET_PROTOCOL, SOCKET_TICKET_PREFIX } from '@sotto/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Gate, openGate } from './gate.ts';
import { speak, statusesIn } from './raw-speech.ts';

let gate: Gate;
beforeAll(async () => {
  gate = await openGate();
});
afterAll(() => gate?.close());

/** What one reader takes for a second request, another for the body of the first. */
const INNER = 'GET /.well-known/jwks.json HTTP/1.1\r\nHost: a\r\n\r\n';
const LOGIN = 'POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';

describe('a request that hides another one', () => {
  test.each([
    ['CL.TE', `${LOGIN}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${INNER}`],
    [
      'TE.CL',
      `${LOGIN}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${INNER}\r\n0\r\n\r\n`,
    ],
    [
      'TE.TE',
      `${LOGIN}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${INNER}`,
    ],
    ['TE.TE by a list', `${LOGIN}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${INNER}`],
    ['an encoding that is none', `${LOGIN}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${INNER}`],
    [
      'an encoding behind a tab',
      `${LOGIN}Transfer-Encoding:\tchunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n${INNER}`,
    ],
    [
      'an encoding behind a vertical tab',
      `${LOGIN}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${INNER}`,
    ],
    ['two lengths', `${LOGIN}Content-Length: 0\r\nContent-Length: ${INNER.length}\r\n\r\n${INNER}`],
    ['two equal lengths', `${LOGIN}Content-Length: 0\r\nContent-Length: 0\r\n\r\n${INNER}`],
    ['a list of lengths', `${LOGIN}Content-Length: 0, ${INNER.length}\r\n\r\n${INNER}`],
    ['a length with a sign', `${LOGIN}Content-Length: +0\r\n\r\n${INNER}`],
    ['a length below zero', `${LOGIN}Content-Length: -1\r\n\r\n${INNER}`],
    ['a length in hexadecimal', `${LOGIN}Content-Length: 0x10\r\n\r\n${INNER}`],
    ['a length without end', `${LOGIN}Content-Length: 99999999999999999999\r\n\r\n${INNER}`],
    ['bare line feeds', `${LOGIN}X: y\nContent-Length: 0\r\n\r\n${INNER}`],
    ['bare line feeds all over', `${LOGIN.replaceAll('\r', '')}Content-Length: 0\n\n${INNER}`],
    ['a bare carriage return', `${LOGIN}X: y\rContent-Length: 0\r\n\r\n${INNER}`],
    ['a folded header', `${LOGIN}X: y\r\n Content-Length: 0\r\n\r\n${INNER}`],
    ['a space before the colon', `${LOGIN}Content-Length : 0\r\n\r\n${INNER}`],
    [
      'a space before the name',
      `${LOGIN.replace('Host', ' Host')}Content-Length: 0\r\n\r\n${INNER}`,
    ],
    ['a header without a name', `${LOGIN}: x\r\nContent-Length: 0\r\n\r\n${INNER}`],
    ['a NUL in a header', `${LOGIN}X: a\0b\r\nContent-Length: 0\r\n\r\n${INNER}`],
    [
      'a chunk whose length is none',
      `${LOGIN}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n${INNER}`,
    ],
    [
      'a chunk whose length has a sign',
      `${LOGIN}Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n${INNER}`,
    ],
    [
      'a chunk whose length is too long',
      `${LOGIN}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(17)}\r\n\r\n${INNER}`,
    ],
    [
      'a chunk longer than it says',
      `${LOGIN}Transfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n${INNER}`,
    ],
    [
      'a chunk ended by a line feed',
      `${LOGIN}Transfer-Encoding: chunked\r\n\r\n2\nab\n0\n\n${INNER}`,
    ],
    [
      'an extension with a line feed',
      `${LOGIN}Transfer-Encoding: chunked\r\n\r\n2;a\nb\r\nab\r\n0\r\n\r\n${INNER}`,
    ],
    [
      'an extension without end',
      `${LOGIN}Transfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(20_000)}\r\nab\r\n0\r\n\r\n${INNER}`,
    ],
    ['two hosts', `${LOGIN}Host: b\r\nContent-Length: 0\r\n\r\n${INNER}`],
    ['another version', `GET /api/v1/auth/me HTTP/1.2\r\nHost: a\r\n\r\n${INNER}`],
    ['a version of long ago', `GET /api/v1/auth/me\r\n\r\n${INNER}`],
  ])('%s: refused, the connection closed, and no second request anywhere', async (_, words) => {
    const before = await gate.answered();
    const said = await speak(gate.cluster.url, words);
    expect(said.isClosed).toBe(true);
    const statuses = statusesIn(said);
    expect(statuses).toHaveLength(1);
    expect([400, 413, 431, 505]).toContain(statuses[0]);
    expect(said.heard).not.toContain('"keys"');
    // One that is well-formed in its head may be on its way when its body turns out not to be.
    expect(await gate.answered()).toBeLessThanOrEqual(before + 1);
    const { auth } = gate.cluster.processes;
    const text = await (await fetch(`${auth.url}/metrics`)).text();
    expect(text).not.toMatch(
      /route="\/\.well-known\/jwks\.json",status="200",service="auth"} [1-9]/,
    );
  });

  test('a chunk extension that is well-formed is no harm, and goes no further', async () => {
    const said = await speak(
      gate.cluster.url,
      `${LOGIN}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\n\r\n`,
    );
    expect(statusesIn(said)).toEqual([400]);
    expect(said.heard).toContain('request.invalid');
  });

  test('after the answer to a handshake that failed, nothing more is heard', async () => {
    const before = await gate.answered();
    const handshake = `GET ${SOCKET_PATH} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
    const said = await speak(gate.cluster.url, handshake, INNER);
    expect(statusesIn(said)).toEqual([401]);
    expect(said.isClosed).toBe(true);
    expect(await gate.answered()).toBe(before);
  });
});

test('a ticket still opens a socket after all this', async () => {
  const response = await fetch(gate.cluster.url + openSocketTicket.path, {
    method: 'POST',
    headers: { authorization: `Bearer ${gate.alice.accessToken}` },
  });
  const { ticket }: { ticket: string } = await response.json();
  const url = `${gate.cluster.url.replace('http', 'ws')}${SOCKET_PATH}`;
  const socket = new WebSocket(url, [SOCKET_PROTOCOL, `${SOCKET_TICKET_PREFIX}${ticket}`]);
  await once(socket, 'open');
  socket.terminate();
});
