import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type ApiError,
  ConversationId,
  DeviceId,
  MessageId,
  type ProblemCode,
  type Stored,
  UserId,
} from '@sotto/api';
import { createLogger, createMetrics } from '@sotto/runtime';
import { afterEach, expect, test, vi } from 'vitest';
import { makeAudience } from './audience.ts';
import { Committer, type CommitterDeps } from './committer.ts';
import { createEvents, type Events } from './events.ts';
import { COMMIT_BESIDE_MS, COMMIT_PACE_MS, COMMIT_WORTHWHILE } from './limits.ts';
import { makeSend } from './send.ts';

const conversation = ConversationId.parse(randomUUID());
const sender = { user: UserId.parse(randomUUID()), device: DeviceId.parse(randomUUID()) };
const audience = makeAudience(
  {
    conversation,
    kind: 'direct',
    version: 1,
    members: new Map([[sender.user, { joinedSeq: 1, leftSeq: undefined, isIn: true }]]),
    blockers: [],
    listChanges: 0,
  },
  [{ user: sender.user, version: 1, devices: [sender.device] }],
  0,
);

afterEach(() => {
  vi.useRealTimers();
});

function depsWith(events: Events): CommitterDeps {
  return {
    audiences: {
      find: () => audience,
      load: async () => audience,
      loadRoom: async () => audience.room,
      isConfirmed: () => true,
      forget: () => undefined,
    },
    ages: { findFault: () => undefined },
    // The only one: a batch that kept it would be the last.
    lines: [
      {
        connect: async () => {
          throw new Error('no database');
        },
        close: async () => undefined,
      },
    ],
    findOwnId: async () => undefined,
    makePartitions: async () => undefined,
    onCommit: () => undefined,
    events,
  };
}

function submit(committer: Committer, to = conversation): Promise<Stored | ProblemCode> {
  const id = MessageId.parse(`01900000-0000-7000-8000-${randomUUID().slice(24)}`);
  return new Promise((resolve) => {
    const answer = { onStored: resolve, onRefused: ({ code }: ApiError) => resolve(code) };
    const message = { kind: 'direct' as const, id, conversation: to, recipients: [] };
    committer.submit(makeSend({ message, sender, lane: { pending: new Set() }, answer }));
  });
}

test('a fault of our own in a commit refuses the batch, and the next one is tried', async () => {
  const faults: unknown[] = [];
  const fault = new Error('the log cannot be written');
  const committer = new Committer(
    depsWith({
      ...createEvents(createMetrics('test'), createLogger({ service: 'test', level: 'silent' })),
      commitFailed: () => {
        throw fault;
      },
      batchFailed: (error) => faults.push(error),
    }),
  );
  const together = [submit(committer), submit(committer)];
  expect(await Promise.all(together)).toEqual(['service.unavailable', 'service.unavailable']);
  expect(await submit(committer)).toBe('service.unavailable');
  expect(faults).toEqual([fault, fault]);
  await committer.close();
});

/** A committer of two lines whose commits end when they are told to, in vain. */
function committerInSlowMotion() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const underWay: (() => void)[] = [];
  const line = {
    connect: () =>
      new Promise<never>((_, reject) => {
        underWay.push(() => reject(new Error('no database')));
      }),
    close: async () => undefined,
  };
  const events = {
    ...createEvents(createMetrics('test'), createLogger({ service: 'test', level: 'silent' })),
    commitFailed: () => {
      throw new Error('as it is');
    },
  };
  const committer = new Committer({ ...depsWith(events), lines: [line, line] });
  return {
    underWay,
    /** Sends to so many conversations at once. */
    async send(count: number): Promise<void> {
      for (let at = 0; at < count; at += 1)
        void submit(committer, ConversationId.parse(randomUUID()));
      await nextTurn();
      await nextTurn();
    },
    async pass(ms: number): Promise<void> {
      vi.advanceTimersByTime(ms);
      await nextTurn();
      await nextTurn();
    },
  };
}

test('what comes alone goes at once, and what comes right behind it goes together', async () => {
  const { underWay, send, pass } = committerInSlowMotion();
  await send(1);
  expect(underWay).toHaveLength(1);
  underWay[0]?.();
  await pass(0);
  await send(1);
  await send(1);
  expect(underWay).toHaveLength(1);
  await pass(COMMIT_PACE_MS);
  expect(underWay).toHaveLength(2);
});

test('a few wait for the commit that is under way, but not for one that is stuck', async () => {
  const { underWay, send, pass } = committerInSlowMotion();
  await send(1);
  await send(3);
  await pass(COMMIT_BESIDE_MS - 1);
  expect(underWay).toHaveLength(1);
  underWay[0]?.();
  await pass(0);
  expect(underWay).toHaveLength(2);
  await send(3);
  await pass(COMMIT_BESIDE_MS - 1);
  expect(underWay).toHaveLength(2);
  await pass(1);
  expect(underWay).toHaveLength(3);
});

test('many are committed beside the commit that is under way', async () => {
  const { underWay, send } = committerInSlowMotion();
  await send(1);
  await send(COMMIT_WORTHWHILE - 1);
  expect(underWay).toHaveLength(1);
  await send(1);
  expect(underWay).toHaveLength(2);
});
