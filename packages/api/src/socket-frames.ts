/** What each frame of the socket is for, with one that is valid: for documents. */
import type { z } from 'zod/mini';
import type { ClientFrame, ServerFrame } from './socket.ts';

type ClientFrameText = z.input<typeof ClientFrame>;
type ServerFrameText = z.input<typeof ServerFrame>;

/** One kind of frame, as a document shows it. */
export interface FrameNote<Frame> {
  readonly summary: string;
  readonly example: Frame;
}

/** One for each type, so that a new frame cannot be forgotten. */
type FrameNotes<Frame extends { type: string }> = {
  readonly [Type in Frame['type']]: FrameNote<Extract<Frame, { type: Type }>>;
};

const alice = 'f2b8f5f4-7b0c-4b7e-9d43-1c9a3c2a7d10';
const phone = '0f4f6a52-3a54-4b41-8a06-0d2a5d1f3b77';
const bob = '5a0d6f0e-6c1f-4d1b-8a55-9b8d6e3f2c21';
const laptop = 'c7f6a7f2-2f6e-4c0e-9a39-4d1b6f0c8e95';
const conversation = '8d2c4a1e-5b7f-4e63-b0a9-7c6d5e4f3a2b';
const id = '019aa4c2-6f7b-7d3a-9c41-5e2f8b0a1c6d';
const sentAt = '2026-11-21T09:30:00.000Z';

/** What a client may send. */
export const CLIENT_FRAMES: FrameNotes<ClientFrameText> = {
  send: {
    summary:
      'A message. `number` counts the sends of this socket in the conversation, from 1; the answer, `stored` or `refused`, has it too',
    example: {
      type: 'send',
      number: 1,
      message: {
        kind: 'direct',
        id,
        conversation,
        recipients: [{ device: laptop, ciphertext: 'b3BhcXVlIGJ5dGVz' }],
      },
    },
  },
  withdraw: {
    summary:
      'Give up the send that was refused, so that later numbers of its conversation are taken again. Not answered',
    example: { type: 'withdraw', conversation, number: 1 },
  },
  ack: {
    summary:
      'This device has stored everything of the conversation up to `seq`. Cumulative, not answered',
    example: { type: 'ack', conversation, seq: 42 },
  },
  ephemeral: {
    summary:
      'What is not stored, such as typing: for devices by name, or one ciphertext for all members; one of the two. Never answered; dropped where it cannot be passed on',
    example: { type: 'ephemeral', conversation, ciphertext: 'dHlwaW5n' },
  },
  watch: {
    summary:
      'Whose `presence` this socket is to be told of, in place of whom it named before. Who may not be seen is passed over',
    example: { type: 'watch', users: [bob] },
  },
};

/** What the platform sends. */
export const SERVER_FRAMES: FrameNotes<ServerFrameText> = {
  hello: {
    summary: 'The first frame: who is connected, and how far the platform holds this device to be',
    example: {
      type: 'hello',
      user: alice,
      device: phone,
      incarnation: 1,
      sent: 17,
      cursors: [{ conversation, seq: 42 }],
    },
  },
  cursors: {
    summary: 'More of what `hello` said, when the cursors do not fit into one frame',
    example: { type: 'cursors', cursors: [{ conversation, seq: 42 }] },
  },
  'catch-up': {
    summary:
      'Before the slots that this device has missed: they begin above `from` and end at `last`; below `first` nothing is readable',
    example: { type: 'catch-up', conversation, first: 1, from: 42, last: 44 },
  },
  slots: {
    summary:
      'Places of a conversation, in order and without a hole; `caughtUp` with the last ones of a catch-up',
    example: {
      type: 'slots',
      conversation,
      slots: [
        {
          type: 'message',
          seq: 43,
          id,
          kind: 'direct',
          sender: { user: bob, device: laptop },
          sentAt,
          ciphertext: 'b3BhcXVlIGJ5dGVz',
        },
        { type: 'none', from: 44, to: 44 },
      ],
      caughtUp: true,
    },
  },
  stored: {
    summary: 'The message is on disk and has its place: it may leave the outbox',
    example: { type: 'stored', number: 1, id, conversation, seq: 45, sentAt },
  },
  refused: {
    summary:
      'The message was not stored, and no later number of its conversation is until this one is sent again or withdrawn',
    example: {
      type: 'refused',
      id,
      conversation,
      number: 1,
      problem: {
        type: 'urn:sotto:problem:message.devices-stale',
        title: 'The message is not encrypted for the current devices',
        status: 409,
        code: 'message.devices-stale',
        devices: { missing: [{ user: bob, device: laptop }], unknown: [] },
      },
    },
  },
  'prekeys-low': {
    summary: 'This device has few one-time prekeys left: upload more',
    example: { type: 'prekeys-low', available: 9 },
  },
  'keys-changed': {
    summary:
      'Somebody who shares a conversation with this user, or the user itself, has another device list or identity',
    example: { type: 'keys-changed', user: bob, what: 'device-list' },
  },
  heads: {
    summary:
      'Every 25 s: the newest place of each conversation that moved, so that a lost tail shows. It comes though nothing moved, so that silence means a dead connection',
    example: { type: 'heads', heads: [{ conversation, last: 45 }] },
  },
  ephemeral: {
    summary: 'What a device of another member sent as `ephemeral`',
    example: {
      type: 'ephemeral',
      conversation,
      sender: { user: bob, device: laptop },
      ciphertext: 'dHlwaW5n',
    },
  },
  presence: {
    summary: 'Of somebody whom this socket watches: how it is now, and each time that it changes',
    example: {
      type: 'presence',
      user: bob,
      online: false,
      lastSeen: '2026-11-21T09:20:00.000Z',
    },
  },
  delivered: {
    summary:
      'How far devices of other members have acknowledged, at most once a second for a conversation',
    example: { type: 'delivered', conversation, members: [{ user: bob, seq: 45 }] },
  },
};
