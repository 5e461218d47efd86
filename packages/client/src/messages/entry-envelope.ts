/** The envelope of a message that is to be sent. */
import { type Envelope, type LocalParty, sealEnvelope } from '@sotto/crypto';
import { ClientError } from '../errors.ts';
import type { SessionsDeps } from '../trust/sessions.ts';
import { isControl, type OutboxEntry } from './outbox-entry.ts';

/** What this device has seen, as it goes into an envelope. */
export type Heads = Pick<Envelope, 'keyLog' | 'deviceLists'>;

/** As long as any that a message will have, which in a group are shorter: what fits with them fits later. */
export function anyHeads({ address: { user } }: LocalParty): Heads {
  const head = { version: 1, hash: new Uint8Array(32) };
  return { keyLog: head, deviceLists: [1, 2].map(() => ({ user, ...head })) };
}

/** The padded plaintext of an entry. Throws `content.too-large`. */
export function envelopeOf({ local }: SessionsDeps, entry: OutboxEntry, heads: Heads): Uint8Array {
  const { conversation, id, time, content } = entry;
  const sender = local.address;
  // Nobody counts control messages, and one may be the first of a conversation.
  const counter = Math.max(1, entry.counter);
  const control = isControl(entry) ? ({ control: true } as const) : {};
  try {
    const head = { conversation, message: id, sender, counter, time };
    return sealEnvelope({ ...head, ...heads, ...control, content });
  } catch (cause) {
    throw new ClientError('content.too-large', 'the content does not fit into one message', {
      cause,
    });
  }
}
