/** Who may read, as events come in: twice, out of order, to one of two processes. */
import { randomUUID } from 'node:crypto';
import type { ConversationId, FileId, UserId } from '@sotto/api';
import { FileGrants } from '@sotto/api/files';
import type { MembershipChanged } from '@sotto/api/internal';
import { publishEvent, type Service } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS, GRANTS_BY_OTHERS_MAX } from '../src/limits.ts';
import {
  call,
  grant,
  newConversation,
  newUser,
  problemOf,
  stored,
  until,
} from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';
import { sweepOnce } from './sweep.fixture.ts';

const WAIT_MS = 30_000;

let platform: Platform;
/** Another process; of two, one gets each event. */
let other: Service;
beforeAll(async () => {
  platform = await startPlatform({ store: 'directory' });
  other = await platform.startAnother();
});
afterAll(() => platform.close());

const enter = (conversation: ConversationId, ...users: UserId[]) => {
  for (const user of users) platform.members.add(`${conversation} ${user}`);
};
const leave = (conversation: ConversationId, ...users: UserId[]) => {
  for (const user of users) platform.members.delete(`${conversation} ${user}`);
};

function tell(
  change: Partial<MembershipChanged> & { conversation: ConversationId; version: number },
) {
  const event = { joined: [], left: [], ...change };
  return publishEvent(platform.bus, 'events.membership.changed', event, randomUUID());
}

/** What a user gets of a file, from both processes. */
async function statuses(user: UserId, file: FileId): Promise<number[]> {
  const both = [platform, { ...platform, fetch: other.fetch }];
  const answers = await Promise.all(both.map((process) => call(process, user, `${file}/info`)));
  return answers.map(({ status }) => status);
}

async function grantsOf(file: FileId): Promise<number> {
  const { query } = platform.database;
  return (await query.selectFrom('grants').select('file').where('file', '=', file).execute())
    .length;
}

async function heardOf(conversation: ConversationId, user: UserId) {
  return platform.database.query
    .selectFrom('members')
    .select(['version', 'is_member'])
    .where('conversation', '=', conversation)
    .where('user_id', '=', user)
    .executeTakeFirst();
}

/** A file of one user, shared with others. */
async function shared(...others: UserId[]) {
  const owner = newUser();
  const conversation = newConversation();
  enter(conversation, owner, ...others);
  const { id } = await stored(platform, owner);
  expect((await grant(platform, owner, id, conversation)).status).toBe(204);
  return { owner, conversation, id };
}

const revoke = (user: UserId, id: FileId, conversation: ConversationId) =>
  call(platform, user, `${id}/grants/${conversation}`, { method: 'DELETE' });

describe('who leaves a conversation', () => {
  test('reads nothing more of it in any process, once the event is there', async () => {
    const reader = newUser();
    const { conversation, id } = await shared(reader);
    // Asked and answered just now: both processes would believe it for a second.
    expect(await statuses(reader, id)).toEqual([200, 200]);
    leave(conversation, reader);
    await tell({ conversation, version: 2, left: [reader] });
    expect(await statuses(reader, id)).toEqual([404, 404]);
  });

  test('reads again after coming back, at once', async () => {
    const reader = newUser();
    const { conversation, id } = await shared(reader);
    leave(conversation, reader);
    await tell({ conversation, version: 2, left: [reader] });
    expect(await statuses(reader, id)).toEqual([404, 404]);
    enter(conversation, reader);
    await tell({ conversation, version: 3, joined: [reader] });
    expect(await statuses(reader, id)).toEqual([200, 200]);
  });

  test('is asked for, whatever the events say: they allow nothing and forbid nothing', async () => {
    const [reader, stranger] = [newUser(), newUser()];
    const { conversation, id } = await shared(reader);
    await tell({ conversation, version: 2, joined: [stranger] });
    expect(await statuses(stranger, id)).toEqual([404, 404]);
    await tell({ conversation, version: 3, left: [reader] });
    expect(await statuses(reader, id)).toEqual([200, 200]);
  });

  test('is not taken for a member when the message service is down', async () => {
    const reader = newUser();
    const { conversation, owner, id } = await shared(reader);
    expect(await statuses(reader, id)).toEqual([200, 200]);
    await tell({ conversation, version: 2, joined: [newUser()], left: [reader] });
    platform.message.down = true;
    try {
      expect(await statuses(reader, id)).toEqual([503, 503]);
      expect(await statuses(owner, id)).toEqual([200, 200]);
    } finally {
      platform.message.down = false;
    }
  });
});

test('events that come twice and out of order leave what the newest says', async () => {
  const [reader, deaf] = [newUser(), newUser()];
  const { conversation } = await shared(reader, deaf);
  const history = [
    { version: 2, joined: [reader, deaf] },
    { version: 3, left: [reader] },
    { version: 4, joined: [reader] },
    // One who is given nothing more of a group goes at the version by which they came.
    { version: 2, left: [deaf] },
  ];
  for (const change of [...history.toReversed(), ...history, ...history.toReversed()]) {
    await tell({ conversation, ...change });
  }
  expect(await heardOf(conversation, reader)).toEqual({ version: 4, is_member: true });
  expect(await heardOf(conversation, deaf)).toEqual({ version: 2, is_member: false });
});

test('what is heard of a conversation that no file is shared in is not kept', async () => {
  const [conversation, user] = [newConversation(), newUser()];
  await tell({ conversation, version: 1, joined: [user] });
  expect(await heardOf(conversation, user)).toBeUndefined();
});

describe('a grant', () => {
  test('ends with the last member of its conversation, and not before', async () => {
    const reader = newUser();
    const { owner, conversation, id } = await shared(reader);
    leave(conversation, reader);
    await tell({ conversation, version: 2, left: [reader] });
    await until(() => wasAsked(conversation), WAIT_MS);
    // A round more, in which what the question came to has been done as well.
    await sweepOnce(platform);
    expect(await grantsOf(id)).toBe(1);
    leave(conversation, owner);
    await tell({ conversation, version: 3, left: [owner] });
    await until(async () => (await grantsOf(id)) === 0, WAIT_MS);
    await until(async () => !(await isKnown(conversation)), WAIT_MS);
  });

  test('stays while the message service cannot say, and ends once it can', async () => {
    const { owner, conversation, id } = await shared();
    leave(conversation, owner);
    platform.message.down = true;
    try {
      await tell({ conversation, version: 2, left: [owner] });
      await tell({ conversation, version: 2, left: [owner] });
      expect(await grantsOf(id)).toBe(1);
    } finally {
      platform.message.down = false;
    }
    // Any other departure wakes the sweeper, which else comes once a minute.
    const another = await shared();
    await tell({ conversation: another.conversation, version: 2, left: [newUser()] });
    await until(async () => (await grantsOf(id)) === 0, WAIT_MS);
    expect(await grantsOf(another.id)).toBe(1);
  });

  test('ends within a day also when no event ever told', async () => {
    const { owner, conversation, id } = await shared();
    leave(conversation, owner);
    const later = await platform.startAnother({ clock: () => Date.now() + DAY_MS + 60_000 });
    await until(async () => (await grantsOf(id)) === 0, WAIT_MS);
    await later.close();
  });

  test('is revoked by the uploader, for everybody who read by it, at once', async () => {
    const reader = newUser();
    const { owner, conversation, id } = await shared(reader);
    expect(await statuses(reader, id)).toEqual([200, 200]);
    expect((await revoke(owner, id, conversation)).status).toBe(204);
    expect(await statuses(reader, id)).toEqual([404, 404]);
    expect((await revoke(owner, id, conversation)).status).toBe(204);
    expect((await call(platform, owner, id)).status).toBe(200);
  });

  test('is revoked by nobody else, in the words for a file that is not there', async () => {
    const [reader, stranger] = [newUser(), newUser()];
    const { conversation, id } = await shared(reader);
    for (const user of [reader, stranger]) {
      expect(await problemOf(await revoke(user, id, conversation))).toBe('404 file.not-found');
    }
    expect(await statuses(reader, id)).toEqual([200, 200]);
  });
});

describe('a member who shares the file of somebody else', () => {
  const infoStatus = async (user: UserId, id: FileId) =>
    (await call(platform, user, `${id}/info`)).status;

  /** Shares a file in a new conversation of the user's, with a reader there. */
  async function pass(user: UserId, id: FileId) {
    const conversation = newConversation();
    const reader = newUser();
    enter(conversation, user, reader);
    const answer = await grant(platform, user, id, conversation);
    return { conversation, reader, answer };
  }

  async function listed(owner: UserId, id: FileId) {
    const answer = await call(platform, owner, `${id}/grants`);
    expect(answer.status).toBe(200);
    return FileGrants.parse(await answer.json()).grants;
  }

  test('lets others read it for as long as they are a member themselves', async () => {
    const member = newUser();
    const { conversation, id } = await shared(member);
    const { reader, answer } = await pass(member, id);
    expect(answer.status).toBe(204);
    expect(await infoStatus(reader, id)).toBe(200);
    leave(conversation, member);
    await tell({ conversation, version: 2, left: [member] });
    expect([await infoStatus(reader, id), await infoStatus(member, id)]).toEqual([404, 404]);
    enter(conversation, member);
    await tell({ conversation, version: 3, joined: [member] });
    expect(await infoStatus(reader, id)).toBe(200);
  });

  test('lets nobody read it once the uploader has taken back what let them', async () => {
    const member = newUser();
    const { owner, conversation, id } = await shared(member);
    const { reader } = await pass(member, id);
    await revoke(owner, id, conversation);
    expect(await infoStatus(reader, id)).toBe(404);
    expect(await grantsOf(id)).toBe(0);
  });

  test('is seen by the uploader, who ends what they shared', async () => {
    const member = newUser();
    const { owner, conversation, id } = await shared(member);
    const passed = await pass(member, id);
    expect(await listed(owner, id)).toMatchObject([
      { conversation, grantedBy: owner },
      { conversation: passed.conversation, grantedBy: member },
    ]);
    for (const user of [member, passed.reader, newUser()]) {
      expect(await problemOf(await call(platform, user, `${id}/grants`))).toBe(
        '404 file.not-found',
      );
    }
    expect((await revoke(owner, id, passed.conversation)).status).toBe(204);
    expect(await infoStatus(passed.reader, id)).toBe(404);
    expect(await listed(owner, id)).toHaveLength(1);
  });

  test('takes no room from the uploader', async () => {
    const member = newUser();
    const { owner, id } = await shared(member);
    for (let left = GRANTS_BY_OTHERS_MAX; left > 0; left--) {
      expect((await pass(member, id)).answer.status).toBe(204);
    }
    expect(await problemOf((await pass(member, id)).answer)).toBe('409 file.grant-limit');
    expect((await pass(owner, id)).answer.status).toBe(204);
  });

  test('is the last of the chain: who reads it by them shares it nowhere', async () => {
    const member = newUser();
    const { id } = await shared(member);
    const { reader } = await pass(member, id);
    expect(await problemOf((await pass(reader, id)).answer)).toBe('404 file.not-found');
  });

  test('gives way to the uploader, and to another member after them', async () => {
    const [member, another] = [newUser(), newUser()];
    const { owner, conversation, id } = await shared(member, another);
    const passed = await pass(member, id);
    enter(passed.conversation, another, owner);
    expect((await grant(platform, another, id, passed.conversation)).status).toBe(204);
    leave(conversation, member);
    await tell({ conversation, version: 2, left: [member] });
    expect(await infoStatus(passed.reader, id)).toBe(200);
    expect((await grant(platform, owner, id, passed.conversation)).status).toBe(204);
    expect((await grant(platform, another, id, passed.conversation)).status).toBe(204);
    await revoke(owner, id, conversation);
    expect(await infoStatus(passed.reader, id)).toBe(200);
  });
});

async function isKnown(conversation: ConversationId): Promise<boolean> {
  return (await askedAt(conversation)) !== undefined;
}

async function wasAsked(conversation: ConversationId): Promise<boolean> {
  const row = await askedAt(conversation);
  return row !== undefined && row.asked_at !== null;
}

function askedAt(conversation: ConversationId) {
  return platform.database.query
    .selectFrom('conversations')
    .select('asked_at')
    .where('id', '=', conversation)
    .executeTakeFirst();
}
