/** A message on its way to the disk, and whether the platform may take it. */
import {
  type Address,
  ApiError,
  type DeviceDifference,
  type DeviceId,
  type OutgoingMessage,
  type Stored,
} from '@sotto/api';
import type { Audience } from './audience.ts';
import { contentDigest, packRecipients } from './packed-recipients.ts';

/**
 * What one sender sends in one conversation over one connection and has no answer to yet, oldest first. A refusal bars
 * what was sent after it, so that a sender's order holds (DESIGN 2.2).
 */
export interface Lane {
  readonly pending: Set<Send>;
}

/** Told exactly once, one or the other. */
export interface SendAnswer {
  onStored(stored: Stored): void;
  onRefused(error: ApiError): void;
}

export interface Send {
  readonly message: OutgoingMessage;
  readonly sender: Address;
  readonly packed: Buffer;
  readonly digest: Buffer;
  /** As its sender named it, in milliseconds since 1970. */
  readonly expiresAt: number | undefined;
  /** As `performance.now()`. */
  readonly arrivedAt: number;
  readonly lane: Lane;
  readonly answer: SendAnswer;
  /** The socket that it came by; absent for a request. */
  readonly origin?: object | undefined;
  /** What was read of its conversation because it contradicted what was remembered. */
  confirmed: Audience | undefined;
  /** How often it was tried in vain. */
  attempts: number;
  /** True once its sender has been told. */
  isAnswered: boolean;
  /** True once an earlier one of its lane was refused. */
  isBarred: boolean;
}

export interface SendInput {
  message: OutgoingMessage;
  sender: Address;
  lane: Lane;
  answer: SendAnswer;
  origin?: object | undefined;
}

/** Packs a message and puts it at the end of its lane. Throws `request.invalid` when it names a device twice. */
export function makeSend({ message, sender, lane, answer, origin }: SendInput): Send {
  const { kind, conversation } = message;
  const packed =
    message.kind === 'group' ? view(message.ciphertext) : packRecipients(message.recipients);
  const expiresAt = message.expiresAt === undefined ? undefined : Date.parse(message.expiresAt);
  const digest = contentDigest({ kind, conversation, packed, expiresAt });
  const state = { confirmed: undefined, attempts: 0, isAnswered: false, isBarred: false };
  const arrivedAt = performance.now();
  const content = { message, sender, packed, digest, expiresAt };
  const send = { ...content, arrivedAt, lane, answer, origin, ...state };
  lane.pending.add(send);
  return send;
}

function view({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Answers a send with its place. */
export function store(send: Send, { seq, sentAt }: { seq: number; sentAt: string }): void {
  const { id, conversation } = send.message;
  leaveLane(send);
  send.answer.onStored({ id, conversation, seq, sentAt });
}

/** Refuses a send, and bars everything that was sent after it in its lane. */
export function refuse(send: Send, error: ApiError): void {
  let isAfter = false;
  for (const other of send.lane.pending) {
    if (isAfter) other.isBarred = true;
    else isAfter = other === send;
  }
  leaveLane(send);
  send.answer.onRefused(error);
}

/** True when a send still wants its place. One that is barred is told so here. */
export function isWanted(send: Send): boolean {
  if (send.isAnswered) return false;
  if (!send.isBarred) return true;
  leaveLane(send);
  send.answer.onRefused(new ApiError('message.after-refused'));
  return false;
}

function leaveLane(send: Send): void {
  send.isAnswered = true;
  send.lane.pending.delete(send);
}

/**
 * Why the platform cannot take a send, by what is known of its conversation; undefined when it can. A stranger is told
 * the same as of a conversation that does not exist.
 */
export function findFault(send: Send, audience: Audience): ApiError | undefined {
  const { user, device } = send.sender;
  const { message } = send;
  if (!audience.isMember(user)) return new ApiError('conversation.not-found');
  if (message.kind !== 'targeted' && message.kind !== audience.room.kind) {
    const detail = `this conversation takes ${audience.room.kind} and targeted messages`;
    return new ApiError('request.invalid', { detail, fields: ['kind'] });
  }
  if (message.kind === 'group') return findStale(message, audience);
  const devices = difference(message, audience, device);
  if (devices === undefined) return undefined;
  return new ApiError('message.devices-stale', { devices });
}

type GroupMessage = Extract<OutgoingMessage, { kind: 'group' }>;

/** Undefined when a message is keyed for exactly the members of now and their devices of now (ADR 10). */
function findStale({ version, lists }: GroupMessage, audience: Audience): ApiError | undefined {
  const isCurrent =
    version === audience.room.version && Buffer.compare(lists, audience.listsDigest()) === 0;
  if (isCurrent) return undefined;
  return new ApiError('message.group-stale', {
    audience: {
      version: audience.room.version,
      lists: audience.lists.map(({ user, version }) => ({ user, version })),
    },
  });
}

/** What is missing, and what is there but should not be (DESIGN 2.8); undefined when nothing is. */
function difference(
  { kind, recipients }: Exclude<OutgoingMessage, GroupMessage>,
  audience: Audience,
  own: DeviceId,
): DeviceDifference | undefined {
  const given = new Set<string>();
  const unknown: string[] = [];
  for (const { device } of recipients) {
    given.add(device);
    if (device === own || !audience.devices.has(device)) unknown.push(device);
  }
  const missing: DeviceDifference['missing'] = [];
  // A targeted message leaves out whom it likes. A direct one without unknown devices is complete when it is as many.
  const complete = audience.devices.size - (audience.devices.has(own) ? 1 : 0);
  if (kind === 'direct' && given.size - unknown.length < complete) {
    for (const [device, user] of audience.devices) {
      if (device !== own && !given.has(device)) missing.push({ user, device });
    }
  }
  return missing.length + unknown.length > 0 ? { missing, unknown } : undefined;
}
