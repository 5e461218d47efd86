import { randomUUID } from 'node:crypto';
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
import { expect, test } from 'vitest';
import { makeAudience } from './audience.ts';
import { Committer, type CommitterDeps } from './committer.ts';
import { createEvents, type Events } from './events.ts';
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

function submit(committer: Committer): Promise<Stored | ProblemCode> {
  const id = MessageId.parse(`01900000-0000-7000-8000-${randomUUID().slice(24)}`);
  return new Promise((resolve) => {
    const answer = { onStored: resolve, onRefused: ({ code }: ApiError) => resolve(code) };
    const message = { kind: 'direct' as const, id, conversation, recipients: [] };
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
