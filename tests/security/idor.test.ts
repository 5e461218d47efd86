/**
 * Nobody gets at what is not theirs: two members and two strangers, who have a conversation of their own, against every
 * route of the message service and every frame that a client may send.
 *
 * The contract's own lists say what there is, so that a route or a frame without a row here fails.
 */
import {
  acceptConversation,
  acknowledgeMessage,
  announcePresence,
  blockUser,
  CLOSE_CODES,
  ClientFrame,
  type ConversationId,
  changeMembership,
  createConversation,
  endpoints,
  getConversation,
  getPushKey,
  getUser,
  inbox,
  listBlocks,
  listConversations,
  listMembership,
  listMessages,
  muteConversation,
  openSocketTicket,
  reportUser,
  searchUsers,
  sendMessage,
  setPresence,
  subscribePush,
  unblockUser,
  unsubscribePush,
} from '@sotto/api';
import { internalEndpoints } from '@sotto/api/internal';
import { createMemoryBus } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { messageFor } from '../../services/message/test/messages.ts';
import { type Node, type Platform, startPlatform } from '../../services/message/test/nodes.ts';
import type { Person } from '../../services/message/test/peers.ts';
import { connect, type SocketClient } from '../../services/message/test/socket-client.ts';
import { type Circle, ENDPOINT, makeCircle, marksOf, possessions } from './circles.ts';

const bus = createMemoryBus();
let platform: Platform;
let node: Node;

let ours: Circle;
let theirs: Circle;

beforeAll(async () => {
  platform = await startPlatform(bus);
  const push = { enabled: true, hosts: ['push.invalid'], allowPrivate: false };
  node = await platform.startNode(bus, { push });
  [ours, theirs] = [await makeCircle(platform, node), await makeCircle(platform, node)];
});

afterAll(async () => {
  await platform.close();
  await bus.close();
});

/** What somebody tries with what belongs to a circle. */
type Try = (caller: Person, circle: Circle) => Promise<unknown>;

/**
 * `closed`: members may, strangers hear that there is nothing. `own`: it names nothing of anybody's; whoever calls it sees
 * and changes what is theirs, which `leaks` looks for. `public`: by design for everybody who has an account.
 */
type Row =
  | { kind: 'closed'; code: string; tries: Try[] }
  | { kind: 'own'; tries: Try[] }
  | { kind: 'public'; why: string };

const page = { limit: 100 };

const call = (...[endpoint, input]: [Parameters<Node['call']>[1], object]): Try => {
  return (caller) => node.call(caller, endpoint, input as never);
};

/** With the direct conversation, and with the group. */
function inEach(attempt: (caller: Person, id: ConversationId) => Promise<unknown>): Try[] {
  return [
    (caller, { direct }) => attempt(caller, direct),
    (caller, { group }) => attempt(caller, group.id),
  ];
}

const notFound = 'conversation.not-found';

const ROUTES: Readonly<Record<string, Row>> = {
  getConversation: {
    ...{ kind: 'closed', code: notFound },
    tries: inEach((caller, id) => node.call(caller, getConversation, { params: { id } })),
  },
  listMessages: {
    ...{ kind: 'closed', code: notFound },
    tries: [{ after: 0 }, { before: 100 }].flatMap((range) =>
      inEach((caller, id) =>
        node.call(caller, listMessages, { params: { id }, query: { ...page, ...range } }),
      ),
    ),
  },
  acceptConversation: {
    ...{ kind: 'closed', code: notFound },
    tries: inEach((caller, id) => node.call(caller, acceptConversation, { params: { id } })),
  },
  muteConversation: {
    ...{ kind: 'closed', code: notFound },
    tries: inEach((caller, id) =>
      node.call(caller, muteConversation, { params: { id }, body: { until: null } }),
    ),
  },
  listMembership: {
    ...{ kind: 'closed', code: notFound },
    tries: [
      (caller, { group }) =>
        node.call(caller, listMembership, {
          params: { id: group.id },
          query: { after: 0, ...page },
        }),
    ],
  },
  changeMembership: {
    ...{ kind: 'closed', code: notFound },
    // The newest entry once more, which its author may repeat.
    tries: [
      (caller, { group, people }) => {
        if (caller === people[1]) return Promise.resolve();
        const input = { params: { id: group.id }, body: { entry: group.entry } };
        return node.call(caller, changeMembership, input);
      },
    ],
  },
  sendMessage: {
    ...{ kind: 'closed', code: notFound },
    tries: [
      (caller, { direct, people }) => {
        const others = people.filter(({ user }) => user !== caller.user);
        return node.call(caller, sendMessage, { body: messageFor(direct, others) });
      },
      (caller, { direct, people }) => {
        const others = people.filter(({ user }) => user !== caller.user);
        const body = messageFor(direct, others, { kind: 'targeted' });
        return node.call(caller, sendMessage, { body });
      },
      (caller, { group }) => node.call(caller, sendMessage, { body: group.message() }),
    ],
  },
  acknowledgeMessage: {
    ...{ kind: 'closed', code: 'message.not-found' },
    tries: [
      (caller, { message }) => node.call(caller, acknowledgeMessage, { params: { id: message } }),
    ],
  },
  getUser: {
    ...{ kind: 'closed', code: 'user.not-found' },
    tries: [0, 1].map((place) => (caller: Person, { people }: Circle) => {
      const user_id = people[place as 0 | 1].user;
      return node.call(caller, getUser, { params: { user_id } });
    }),
  },
  reportUser: {
    ...{ kind: 'closed', code: notFound },
    tries: inEach((caller, conversation) => {
      const { people } =
        conversation === theirs.direct || conversation === theirs.group.id ? theirs : ours;
      const reported = people.find(({ user }) => user !== caller.user) ?? people[0];
      const reason = 'spam' as const;
      const body = { user: reported.user, conversation, reason, messages: [] };
      return node.call(caller, reportUser, { body });
    }),
  },
  createConversation: {
    // With another's entry: it is not theirs to found a group by.
    ...{ kind: 'closed', code: 'conversation.entry-refused' },
    tries: [
      (caller, { group, people }) => {
        if (caller === people[1]) return Promise.resolve();
        const body = { kind: 'group', entry: group.entry } as const;
        return node.call(caller, createConversation, { body });
      },
    ],
  },
  listConversations: { kind: 'own', tries: [call(listConversations, { query: page })] },
  inbox: { kind: 'own', tries: [call(inbox, { query: page })] },
  listBlocks: { kind: 'own', tries: [call(listBlocks, {})] },
  openSocketTicket: { kind: 'own', tries: [call(openSocketTicket, {})] },
  announcePresence: { kind: 'own', tries: [call(announcePresence, {})] },
  setPresence: { kind: 'own', tries: [call(setPresence, { body: { visible: true } })] },
  subscribePush: { kind: 'own', tries: [call(subscribePush, { body: { endpoint: ENDPOINT } })] },
  unsubscribePush: { kind: 'own', tries: [call(unsubscribePush, {})] },
  getPushKey: { kind: 'public', why: 'the platform has one key, which every browser is to know' },
  searchUsers: { kind: 'public', why: 'the operator says who is in the directory' },
  blockUser: { kind: 'public', why: 'anybody may block anybody, who is not told' },
  unblockUser: { kind: 'public', why: 'it lifts what the caller has blocked' },
};

const routes = endpoints.filter(({ service }) => service === 'message').map(({ id }) => id);

describe('every route', () => {
  test('has a row, and every row a route', () => {
    expect(Object.keys(ROUTES).sort()).toEqual([...routes].sort());
  });

  const rows = Object.entries(ROUTES);
  const closed = rows.flatMap(([id, row]) => (row.kind === 'closed' ? [{ id, ...row }] : []));
  test.each(closed)('$id: members may, strangers hear $code', async ({ code, tries }) => {
    for (const attempt of tries) {
      for (const [circle, others] of pairs()) {
        for (const stranger of others.people) {
          await expect(attempt(stranger, circle)).rejects.toMatchObject({ code });
        }
        for (const member of circle.people) await attempt(member, circle);
      }
    }
  });

  const own = rows.flatMap(([id, row]) => (row.kind === 'own' ? [{ id, ...row }] : []));
  test.each(own)(
    '$id tells nothing of others, and changes nothing of theirs',
    async ({ tries }) => {
      for (const attempt of tries) {
        for (const [circle, others] of pairs()) {
          const before = await possessions(platform, circle);
          for (const stranger of others.people) {
            const answer = JSON.stringify(await attempt(stranger, circle)) ?? '';
            expect(marksOf(circle).filter((mark) => answer.includes(mark))).toEqual([]);
          }
          expect(await possessions(platform, circle)).toEqual(before);
        }
      }
    },
  );

  test('for everybody tells no more than it is there for', async () => {
    const [stranger] = theirs.people;
    const [victim, friend] = ours.people;
    await node.call(victim, blockUser, { params: { user_id: friend.user } });
    await node.call(stranger, unblockUser, { params: { user_id: friend.user } });
    const blocked = await node.call(victim, listBlocks, {});
    expect(blocked.users).toEqual([friend.user]);
    await node.call(victim, unblockUser, { params: { user_id: friend.user } });
    await node.call(stranger, blockUser, { params: { user_id: victim.user } });
    await node.call(stranger, unblockUser, { params: { user_id: victim.user } });
    const query = { name: victim.username.slice(0, 8), limit: 10 };
    const { users } = await node.call(stranger, searchUsers, { query });
    expect(users.every(({ presence }) => presence === undefined)).toBe(true);
    await node.call(stranger, getPushKey, {});
  });

  test('between services is for none of their users', async () => {
    const between = internalEndpoints.filter(({ service }) => service === 'message');
    expect(between.length).toBeGreaterThan(0);
    for (const { method, path } of between) {
      const target = path
        .replace('{user_id}', ours.people[0].user)
        .replace('{conversation_id}', ours.direct);
      const response = await fetch(`${node.url}${target}`, {
        method,
        headers: {
          authorization: `Bearer ${ours.people[0].token}`,
          ...(method !== 'GET' && { 'content-type': 'application/json' }),
        },
        ...(method !== 'GET' && { body: '{}' }),
      });
      expect([path, response.status]).toEqual([path, 401]);
    }
  });
});

function pairs(): [Circle, Circle][] {
  return [
    [ours, theirs],
    [theirs, ours],
  ];
}

/** What a stranger's frame comes to. */
type Outcome = 'refused' | 'closed' | 'ignored';

type Frame = (caller: Person, circle: Circle) => ClientFrame;

const FRAMES: Readonly<Record<string, { outcome: Outcome; frames: Frame[] }>> = {
  send: {
    outcome: 'refused',
    frames: [
      (_, { direct, people }) => send(messageFor(direct, people)),
      (_, { direct, people }) => send(messageFor(direct, people, { kind: 'targeted' })),
      (_, { group }) => send(group.message()),
    ],
  },
  ack: {
    outcome: 'closed',
    frames: [
      (_, { direct }) => ({ type: 'ack', conversation: direct, seq: 1 }),
      (_, { group }) => ({ type: 'ack', conversation: group.id, seq: 1 }),
    ],
  },
  withdraw: {
    outcome: 'closed',
    frames: [(_, { direct }) => ({ type: 'withdraw', conversation: direct, number: 1 })],
  },
  ephemeral: {
    outcome: 'ignored',
    frames: [
      (_, { direct: conversation, people }) => {
        const ciphertext = new Uint8Array(8);
        const recipients = people.map(({ device }) => ({ device, ciphertext }));
        return { type: 'ephemeral', conversation, recipients };
      },
      (_, { group }) => ({
        type: 'ephemeral',
        conversation: group.id,
        ciphertext: new Uint8Array(8),
      }),
    ],
  },
  watch: {
    outcome: 'ignored',
    frames: [(_, { people }) => ({ type: 'watch', users: people.map(({ user }) => user) })],
  },
};

function send(message: Extract<ClientFrame, { type: 'send' }>['message']): ClientFrame {
  return { type: 'send', number: 1, message };
}

describe('every frame', () => {
  test('has a row, and every row a frame', () => {
    const types = ClientFrame.def.options.flatMap<string>(({ shape }) => shape.type.def.values);
    expect(Object.keys(FRAMES).sort()).toEqual([...new Set(types)].sort());
  });

  test.each(Object.entries(FRAMES))('%s by a stranger', async (_, { outcome, frames }) => {
    const listeners = await Promise.all(ours.people.map((person) => connect(node, person)));
    const before = await possessions(platform, ours);
    for (const frame of frames) {
      for (const stranger of theirs.people) {
        const client = await connect(node, stranger);
        const heard = listeners.map((listener) => listener.frames.length);
        client.post(frame(stranger, ours));
        await assertOutcome(client, outcome);
        const told = listeners.flatMap(({ frames }, place) => frames.slice(heard[place]));
        // What they catch up on with each other names no stranger.
        const texts = told.map((frame) => JSON.stringify(frame));
        const telling = texts.filter((text) => marksOf(theirs).some((mark) => text.includes(mark)));
        expect(telling).toEqual([]);
        client.socket.terminate();
      }
    }
    expect(await possessions(platform, ours)).toEqual(before);
    await Promise.all(listeners.map((listener) => listener.close()));
  });

  async function assertOutcome(client: SocketClient, outcome: Outcome): Promise<void> {
    if (outcome === 'closed') {
      expect(await client.closed).toMatchObject({ code: CLOSE_CODES.badFrame });
    } else if (outcome === 'refused') {
      expect((await client.next('refused')).problem).toMatchObject({ code: notFound, status: 404 });
    } else {
      // Behind it the stranger talks with their own friend, over the same socket, and has heard of nothing else.
      const body = messageFor(theirs.direct, others(client));
      await client.send(body);
      const types = client.frames.map(({ type }) => type);
      expect(types.filter((type) => type === 'presence' || type === 'ephemeral')).toEqual([]);
    }
  }

  function others(client: SocketClient): Person[] {
    const hello = client.frames.find((frame) => frame.type === 'hello');
    return theirs.people.filter(({ user }) => user !== (hello?.type === 'hello' && hello.user));
  }
});
