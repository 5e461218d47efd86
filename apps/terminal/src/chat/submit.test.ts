/** What was typed goes where it was typed, whatever happens between Enter and its turn. */
import { alarmsOf } from '@sotto/hooks';
import { describe, expect, test, vi } from 'vitest';
import { CommandError, EXIT } from '../exit-code.ts';
import {
  BOB,
  CAROL,
  deskWith,
  enter,
  GROUP,
  line,
  ME,
  open,
  sent,
  type,
  WITH_BOB,
  WITH_CAROL,
} from './desk.fixture.ts';

/** Finds everybody, once the test lets it. */
function slowDirectory() {
  const isLet = Promise.withResolvers<void>();
  const findUser = async (username: string) => {
    await isLet.promise;
    return [BOB, CAROL].filter((user) => user === username).map((user) => ({ user, username }))[0];
  };
  return { findUser, let: isLet.resolve };
}

const sendText = async (conversation: typeof WITH_BOB.id) => sent(conversation, 'own');

describe('what was entered', () => {
  test('goes to the conversation that was open at Enter, wherever the person has gone since', async () => {
    const { findUser, let: letFind } = slowDirectory();
    const leave = async () => {};
    const groups = { ...deskWith({}).desk.client.groups, add: async () => {}, leave };
    const { desk, asked } = deskWith({ findUser, sendText, groups });
    open(desk, GROUP);
    enter(desk, '/add bob');
    enter(desk, 'the code is 4711');
    open(desk, WITH_CAROL);
    enter(desk, 'hello');
    letFind();
    await expect.poll(() => asked.filter(([name]) => name === 'sendText')).toHaveLength(2);
    expect(asked.filter(([name]) => name === 'sendText')).toEqual([
      ['sendText', GROUP.id, 'the code is 4711'],
      ['sendText', WITH_CAROL.id, 'hello'],
    ]);
  });

  test('behind /new is meant for whom it opens, and a text that was begun elsewhere stays there', async () => {
    const { findUser, let: letFind } = slowDirectory();
    const { id, members } = WITH_CAROL;
    const openDirect = async () => ({ id, kind: 'direct' as const, members: [...members] });
    const { desk, asked } = deskWith({ findUser, openDirect, sendText });
    open(desk, WITH_BOB);
    enter(desk, '/new carol');
    enter(desk, 'for carol');
    type(desk, 'for carol, too');
    open(desk, WITH_BOB);
    type(desk, 'for bob');
    letFind();
    await expect.poll(() => asked.at(-1)).toEqual(['sendText', WITH_CAROL.id, 'for carol']);
    expect(desk.state.get()).toMatchObject({
      place: { conversation: WITH_BOB.id },
      draft: { text: 'for bob' },
    });
    open(desk, WITH_CAROL);
    expect(desk.state.get().draft.text).toBe('for carol, too');
    open(desk, WITH_BOB);
    expect(desk.state.get().draft.text).toBe('for bob');
  });

  test('comes back to where it was typed when it cannot be done, in its order', async () => {
    const { findUser, let: letFind } = slowDirectory();
    const { desk, asked } = deskWith({ findUser, sendText });
    open(desk, WITH_BOB);
    enter(desk, '/new karol');
    enter(desk, 'hello');
    type(desk, 'how are');
    letFind();
    await expect.poll(() => desk.state.get().notice?.text).toBe('there is no user karol');
    expect(desk.state.get()).toMatchObject({
      place: { conversation: WITH_BOB.id },
      draft: { text: '/new karol\nhello\nhow are' },
    });
    expect(asked.some(([name]) => name === 'sendText')).toBe(false);
    // What was meant for Carol is no name, and does not go to Bob either.
    enter(desk, '/new carol\nhello');
    expect(desk.state.get()).toMatchObject({ place: { from: { conversation: WITH_BOB.id } } });
    expect(desk.state.get().draft.text).toBe('hello');
  });

  test('does not come back into a conversation that was opened meanwhile', async () => {
    const isRefused = Promise.withResolvers<never>();
    const { desk } = deskWith({ sendText: () => isRefused.promise });
    open(desk, WITH_BOB);
    enter(desk, 'for bob alone');
    open(desk, WITH_CAROL);
    type(desk, 'hi');
    isRefused.reject(new CommandError('too long', EXIT.data));
    await expect.poll(() => desk.state.get().notice?.text).toBe('bob: too long');
    expect(desk.state.get().draft.text).toBe('hi');
    open(desk, WITH_BOB);
    expect(desk.state.get().draft.text).toBe('for bob alone');
  });
});

describe('a command about a message', () => {
  test('means what was there at Enter, not what has come since', async () => {
    const { desk, asked } = deskWith({ sendText });
    open(desk, WITH_BOB, [line(1, WITH_BOB), line(2, WITH_BOB)]);
    enter(desk, '/reply yes');
    desk.shown = { ...desk.shown, lines: [...desk.shown.lines, line(3, WITH_BOB)] };
    await expect.poll(() => asked).toHaveLength(1);
    expect(asked[0]?.at(-1)).toMatchObject({ replyTo: { seq: 2 } });
  });

  test('speaks of nothing in a conversation that is not on the screen yet', async () => {
    const { desk, asked } = deskWith({ deleteMessage: async () => ({ id: '' as never }) });
    open(desk, WITH_BOB, [line(1, WITH_BOB, ME)]);
    open(desk, WITH_CAROL);
    enter(desk, '/delete');
    await expect.poll(() => desk.state.get().notice?.text).toBe('there is no such message here');
    expect(asked).toEqual([]);
  });

  test('means a text that was entered just before, though the screen does not show it yet', async () => {
    const edit = async () => ({ id: '' as never });
    const { desk, asked } = deskWith({ sendText, edit });
    open(desk, WITH_BOB, [line(1, WITH_BOB, ME)]);
    enter(desk, 'helo');
    enter(desk, '/edit hello');
    await expect.poll(() => asked).toHaveLength(2);
    expect(asked[1]).toMatchObject(['edit', { reference: { id: 'own' } }, 'hello']);
  });

  test('keeps the message that was chosen with its text, over a look elsewhere', () => {
    const { desk } = deskWith({});
    open(desk, WITH_BOB, [line(1, WITH_BOB)]);
    desk.change({ chosen: 'device/1' });
    type(desk, '/reply what do you');
    open(desk, WITH_CAROL);
    expect(desk.state.get().chosen).toBeUndefined();
    open(desk, WITH_BOB);
    expect(desk.state.get().chosen).toBe('device/1');
  });
});

describe('changed keys', () => {
  test('are accepted as they were shown, and not otherwise', async () => {
    const acceptIdentity = async () => {};
    const safetyNumber = async () => ({ digits: '1'.repeat(60), scannable: new Uint8Array(8) });
    const client = deskWith({}).desk.client;
    const find = async () => ({ user: BOB, username: 'bob' });
    const people = { ...client.people, find };
    const { desk, asked } = deskWith({ acceptIdentity, safetyNumber, people });
    open(desk, WITH_BOB);
    enter(desk, '/trust');
    await expect.poll(() => desk.state.get().notice?.text).toContain('/verify');
    expect(asked).toEqual([]);
    enter(desk, '/verify');
    await expect.poll(() => desk.state.get().panel?.title).toContain('bob');
    open(desk, WITH_BOB);
    enter(desk, '/trust');
    open(desk, WITH_CAROL);
    await expect.poll(() => asked.at(-1)).toEqual(['acceptIdentity', BOB, '1'.repeat(60)]);
  });

  test('of the log, and another list of a group, are taken only where they are in doubt', async () => {
    let isDoubtful = false;
    const head = { version: 1, hash: new Uint8Array(32) };
    const { id, members: users } = GROUP;
    const about = { id, kind: 'group' as const, members: [...users], admins: [], head, since: [] };
    const nothing = { identityChanged: [], logBroken: [], notices: [] };
    const acceptLog = vi.fn(async () => {});
    const { desk, asked } = deskWith({
      alarms: async () => ({ ...nothing, ...(isDoubtful && { general: 'key-log.broken' }) }),
      conversations: async () => [{ ...about, ...(isDoubtful && { broken: 'head.forked' }) }],
      groups: { ...deskWith({}).desk.client.groups, acceptLog },
      acceptKeyLog: async () => {},
    });
    open(desk, GROUP);
    const says = async (command: string, words: string) => {
      enter(desk, command);
      await expect.poll(() => desk.state.get().notice?.text).toContain(words);
    };
    await says('/trust-log', 'nothing to decide about the record');
    await says('/trust-group', 'nothing to decide about this group');
    isDoubtful = true;
    await alarmsOf(desk.client).refresh();
    expect(acceptLog).not.toHaveBeenCalled();
    await says('/trust-log', 'taken as it is now');
    await says('/trust-group', 'goes on as it is shown now');
    expect(acceptLog).toHaveBeenCalledWith(id);
    expect(asked.filter(([name]) => name === 'acceptKeyLog')).toHaveLength(1);
  });
});
