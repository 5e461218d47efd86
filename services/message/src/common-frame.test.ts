import { ConversationId, DeviceId, MessageId, ServerFrame, UserId } from '@sotto/api';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { commonFrame } from './common-frame.ts';
import { SLOTS_TEXT_MAX } from './limits.ts';
import type { StoredMessage } from './stored-message.ts';
import { readTexts } from './text-frames.fixture.ts';

const ID = '00000000-0000-4000-8000-000000000001';
const CONVERSATION = ConversationId.parse(ID);

function message(seq: number, more: Partial<StoredMessage> = {}): StoredMessage {
  return {
    conversation: CONVERSATION,
    seq,
    id: MessageId.parse(ID),
    kind: 'group',
    sender: { user: UserId.parse(ID), device: DeviceId.parse(ID) },
    sentAt: '2026-01-01T00:00:00.000Z',
    packed: Buffer.from('a secret'),
    ...more,
  };
}

function read(frame: Buffer): ServerFrame[] {
  return readTexts(frame).map((text) => z.decode(ServerFrame, JSON.parse(text)));
}

test('a frame holds what was sent to the group, and who came and went, in order', () => {
  const entry = { kind: 'membership', packed: Buffer.from('an entry') } as const;
  const frame = commonFrame(CONVERSATION, [message(7), message(8, entry), message(9)]);
  const [slots] = read(frame ?? Buffer.alloc(0));
  expect(slots).toMatchObject({
    type: 'slots',
    conversation: ID,
    slots: [
      {
        type: 'message',
        seq: 7,
        kind: 'group',
        ciphertext: new Uint8Array(Buffer.from('a secret')),
      },
      { type: 'membership', seq: 8, entry: new Uint8Array(Buffer.from('an entry')) },
      { type: 'message', seq: 9 },
    ],
  });
});

test('however many sockets get a frame, it is made once', () => {
  const messages = [message(1), message(2)];
  const frame = commonFrame(CONVERSATION, messages);
  for (let socket = 0; socket < 200; socket++) {
    expect(commonFrame(CONVERSATION, messages)).toBe(frame);
  }
});

test('there is none where what devices get differs, or may differ a moment later', () => {
  for (const more of [
    { kind: 'direct' },
    { kind: 'targeted' },
    { packed: Buffer.alloc(0) },
    { expiresAt: Date.now() + 60_000 },
    { packed: Buffer.alloc(SLOTS_TEXT_MAX) },
  ] as const) {
    expect(commonFrame(CONVERSATION, [message(1), message(2, more)])).toBeUndefined();
  }
});
