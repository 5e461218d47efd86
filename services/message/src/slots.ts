/** Stored messages as one device sees them: its own ciphertext or an empty slot, and as text for its socket. */
import type { DeviceId, MembershipSlot, MessageSlot, Slot } from '@sotto/api';
import { encodeBase64url } from '@sotto/api';
import { findCiphertext } from './packed-recipients.ts';
import { isExpired, type StoredMessage } from './stored-message.ts';

/** Who reads. */
export interface Reader {
  readonly device: DeviceId;
  /** The device id as `packed-recipients.ts` wants it. */
  readonly bytes: Uint8Array;
}

/** Places, both inclusive, and the moment at which they are read, in milliseconds since 1970. */
export interface Reading {
  from: number;
  to: number;
  at: number;
}

/**
 * Every place of the range in order, exactly once: a message where there is a ciphertext for the device, and runs of
 * empty places between. Messages must be sorted by `seq` and lie within the range. The sender's own device has nothing
 * to read: `stored` told it of the place. What has expired is empty for all.
 */
export function slotsOf(
  messages: readonly StoredMessage[],
  { device, bytes }: Reader,
  { from, to, at }: Reading,
): Slot[] {
  const slots: Slot[] = [];
  let next = from;
  for (const message of messages) {
    if (message.sender.device === device || isExpired(message, at)) continue;
    const slot = slotOf(message, bytes);
    if (slot === undefined) continue;
    if (slot.seq > next) slots.push({ type: 'none', from: next, to: slot.seq - 1 });
    slots.push(slot);
    next = slot.seq + 1;
  }
  if (next <= to) slots.push({ type: 'none', from: next, to });
  return slots;
}

type FilledSlot = MessageSlot | MembershipSlot;

function slotOf(message: StoredMessage, device: Uint8Array): FilledSlot | undefined {
  const { seq, id, kind, sender, sentAt, packed } = message;
  // What has expired is emptied.
  if (packed.length === 0) return undefined;
  if (kind === 'group' || kind === 'membership') return commonSlot(message);
  const ciphertext = findCiphertext(packed, device);
  return ciphertext && { type: 'message', seq, id, kind, sender, sentAt, ciphertext };
}

/** Slots that are the same for everybody who gets them: each is made once, and made into text once. */
const commonSlots = new WeakMap<StoredMessage, FilledSlot>();
const commonTexts = new WeakMap<Slot, string>();

function commonSlot(message: StoredMessage): FilledSlot {
  let slot = commonSlots.get(message);
  if (slot === undefined) {
    const { seq, id, kind, sender, sentAt, packed } = message;
    slot =
      kind === 'group'
        ? { type: 'message', seq, id, kind, sender, sentAt, ciphertext: packed }
        : { type: 'membership', seq, sentAt, entry: packed };
    commonSlots.set(message, slot);
  }
  return slot;
}

/** The text of a message's slot when it is the same for everybody, now and later; undefined when it is not. */
export function commonText(message: StoredMessage): string | undefined {
  const { kind, packed, expiresAt } = message;
  if (kind !== 'group' && kind !== 'membership') return undefined;
  return packed.length === 0 || expiresAt !== undefined ? undefined : slotText(commonSlot(message));
}

/**
 * A slot as JSON text. Written out because this runs once per message and device; every text in it is an id, a date or
 * base64url, none of which JSON would escape. A test holds it to the contract's schema.
 */
export function slotText(slot: Slot): string {
  if (slot.type === 'none') return `{"type":"none","from":${slot.from},"to":${slot.to}}`;
  if (slot.type === 'message' && slot.kind !== 'group') return textOf(slot);
  let text = commonTexts.get(slot);
  if (text === undefined) {
    text = textOf(slot);
    commonTexts.set(slot, text);
  }
  return text;
}

function textOf(slot: FilledSlot): string {
  if (slot.type === 'membership') {
    const { seq, sentAt, entry } = slot;
    return `{"type":"membership","seq":${seq},"sentAt":"${sentAt}","entry":"${encodeBase64url(entry)}"}`;
  }
  const { seq, id, kind, sender, sentAt, ciphertext } = slot;
  return (
    `{"type":"message","seq":${seq},"id":"${id}","kind":"${kind}",` +
    `"sender":{"user":"${sender.user}","device":"${sender.device}"},` +
    `"sentAt":"${sentAt}","ciphertext":"${encodeBase64url(ciphertext)}"}`
  );
}

/** The slots above a place: a run of empty ones that began before it begins behind it. */
export function slotsAbove(place: number, slots: readonly Slot[]): Slot[] {
  return slots.flatMap((slot) => {
    if (endOf(slot) <= place) return [];
    return slot.type === 'none' && slot.from <= place ? [{ ...slot, from: place + 1 }] : [slot];
  });
}

/** The last place of a slot. */
export function endOf(slot: Slot): number {
  return slot.type === 'none' ? slot.to : slot.seq;
}
