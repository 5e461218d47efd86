/** Who may open a WebSocket, and for how long. */
import { randomBytes } from 'node:crypto';
import {
  CLOSE_CODES,
  openSocketTicket,
  SOCKET_PATH,
  SOCKET_PROTOCOL,
  SOCKET_TICKET_PREFIX,
  searchUsers,
  sendMessage,
} from '@sotto/api';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { messageFor, openConversation } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import { connect, openSocket } from './socket-client.ts';

let platform: Platform;
let node: Node;

beforeAll(async () => {
  platform = await startPlatform();
  node = await platform.startNode();
});

afterAll(() => platform.close());

describe('admission', () => {
  test('an access token in the header opens a socket, which greets', async () => {
    const person = await platform.peers.addPerson();
    const client = await connect(node, person);
    expect(client.socket.protocol).toBe(SOCKET_PROTOCOL);
    expect(client.socket.extensions).toBe('');
    expect(await client.next('hello')).toEqual({
      type: 'hello',
      user: person.user,
      device: person.device,
      incarnation: 1,
      sent: 0,
      cursors: [],
    });
    await client.close();
  });

  test('a ticket opens one socket, once', async () => {
    const person = await platform.peers.addPerson();
    const { ticket, expiresIn } = await node.call(person, openSocketTicket, {});
    expect(expiresIn).toBe(30);
    const protocols = [SOCKET_PROTOCOL, `${SOCKET_TICKET_PREFIX}${ticket}`];
    const client = openSocket(node, {}, protocols);
    expect(await client.next('hello')).toMatchObject({ device: person.device });
    expect(client.socket.protocol).toBe(SOCKET_PROTOCOL);
    const again = openSocket(node, {}, protocols);
    expect((await again.closed).code).toBe(1006);
    await client.close();
  });

  test('a ticket of a session that was revoked since is worth nothing', async () => {
    const person = await platform.peers.addPerson();
    const { ticket } = await node.call(person, openSocketTicket, {});
    platform.peers.revoke(person);
    await vi.waitFor(
      async () => {
        await expect(node.call(person, openSocketTicket, {})).rejects.toThrow();
      },
      { timeout: 20_000, interval: 100 },
    );
    const client = openSocket(node, {}, [SOCKET_PROTOCOL, `${SOCKET_TICKET_PREFIX}${ticket}`]);
    expect((await client.closed).code).toBe(1006);
  });

  test.each([
    ['no token', {}, 401],
    ['a token that is none', { authorization: 'Bearer x' }, 401],
    ['a password', { authorization: 'Basic dTpw' }, 401],
  ])(
    '%s is refused before the upgrade, as a problem',
    async (_, headers: Record<string, string>, status) => {
      const response = await upgradeOverHttp(headers);
      expect(response.status).toBe(status);
      expect(response.body).toMatchObject({ code: expect.stringMatching(/^auth\.token-/) });
    },
  );

  test('other paths are not upgraded', async () => {
    for (const path of ['/api/v1/other', '/', '//', '/api/v1/ws/', '/%']) {
      expect(await upgradeOverHttp({}, path)).toMatchObject({
        status: 404,
        body: { code: 'route.not-found' },
      });
    }
  });

  test('a socket closes when its token ends', async () => {
    const person = await platform.peers.addPerson();
    const token = platform.peers.tokenFor(person, 2_500);
    const client = await connect(node, { ...person, token });
    expect((await client.closed).code).toBe(CLOSE_CODES.tokenEnded);
  });

  test('a socket closes when its session is revoked', async () => {
    const person = await platform.peers.addPerson();
    const client = await connect(node, person);
    platform.peers.revoke(person);
    expect((await client.closed).code).toBe(CLOSE_CODES.tokenEnded);
  });

  test('a device whose events were lost is looked up at their owners when it connects', async () => {
    const { peers } = platform;
    const [sender, reader] = [await peers.addPerson(), await peers.addPerson()];
    const conversation = await openConversation(node, sender, reader);
    const second = await peers.addDevice(reader, { publish: false });
    peers.changeSilently(reader.user, [reader.device, second.device]);
    const client = await connect(node, second);
    await vi.waitFor(async () => {
      const sent = node.call(sender, sendMessage, { body: messageFor(conversation, [reader]) });
      await expect(sent).rejects.toMatchObject({ code: 'message.devices-stale' });
    }, 20_000);
    await client.close();
  });

  test('an account whose event was lost is in the directory once a device has connected', async () => {
    const person = await platform.peers.addPerson('Unheard7');
    const client = await connect(node, person);
    await vi.waitFor(async () => {
      const { users } = await node.call(person, searchUsers, {
        query: { name: 'unheard7', limit: 10 },
      });
      expect(users).toEqual([{ user: person.user, username: 'Unheard7' }]);
    }, 20_000);
    await client.close();
  });

  test('a device has one socket: the older is closed', async () => {
    const person = await platform.peers.addPerson();
    const first = await connect(node, person);
    const second = await connect(node, person);
    expect((await first.closed).code).toBe(CLOSE_CODES.replaced);
    const other = await platform.peers.addPerson();
    const conversation = await openConversation(node, other, person);
    const body = messageFor(conversation, [person]);
    await node.call(other, sendMessage, { body });
    await second.slotsUpTo(conversation, 1);
    await second.close();
  });
});

/** Asks for an upgrade as HTTP, to read an answer that is none. */
async function upgradeOverHttp(headers: Record<string, string>, path = SOCKET_PATH) {
  const { request } = await import('node:http');
  return new Promise<{ status: number; body: unknown }>((resolve, reject) => {
    const asking = request(`${node.url}${path}`, {
      headers: {
        ...headers,
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
      },
    });
    asking.on('response', (response) => {
      let text = '';
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }),
      );
    });
    asking.on('error', reject);
    asking.end();
  });
}
