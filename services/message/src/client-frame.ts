/**
 * What a client has sent, as a value of the contract.
 *
 * The frames of which there are many, a message and its acknowledgement, are checked by hand: the schema takes several
 * times as long. What is not exactly as expected is left to the schema, which knows what is wrong with it, or that
 * nothing is. A test holds that both always say the same.
 */
import {
  CIPHERTEXT_BYTES_MAX,
  ClientFrame,
  decodeBase64url,
  type OutgoingMessage,
  RECIPIENTS_PER_MESSAGE_MAX,
  type Recipient,
} from '@sotto/api';
import { z } from 'zod';

/** A frame by the contract, why it is none, or undefined for text that is no JSON. */
export function parseClientFrame(text: string): z.ZodSafeParseResult<ClientFrame> | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const frame = readQuickly(json);
  if (frame !== undefined) return { success: true, data: frame };
  return z.safeDecode(ClientFrame, json as z.input<typeof ClientFrame>);
}

type Fields = Readonly<Record<string, unknown>>;

/** A frame that is beyond doubt; undefined for everything else. */
function readQuickly(json: unknown): ClientFrame | undefined {
  if (!isObject(json)) return undefined;
  if (json.type === 'ack') return readAck(json);
  return json.type === 'send' ? readSend(json) : undefined;
}

function readAck(json: Fields): ClientFrame | undefined {
  const { conversation, seq } = json;
  if (!hasFields(json, 3) || !isId(conversation) || !isCount(seq, 0)) return undefined;
  return { type: 'ack', conversation, seq } as ClientFrame;
}

function readSend(json: Fields): ClientFrame | undefined {
  const { number, message } = json;
  if (!hasFields(json, 3) || !isCount(number, 1) || !isObject(message)) return undefined;
  const read = message.kind === 'group' ? readGroup(message) : readAddressed(message);
  return read && { type: 'send', number, message: read };
}

function readAddressed(message: Fields): OutgoingMessage | undefined {
  const { kind, id, conversation, recipients } = message;
  if (kind !== 'direct' && kind !== 'targeted') return undefined;
  if (!hasFields(message, 4) || !isId(id) || !isId(conversation)) return undefined;
  if (!Array.isArray(recipients)) return undefined;
  if (recipients.length === 0 || recipients.length > RECIPIENTS_PER_MESSAGE_MAX) return undefined;
  const read: Recipient[] = [];
  for (const recipient of recipients) {
    const one = readRecipient(recipient);
    if (one === undefined) return undefined;
    read.push(one);
  }
  return { kind, id, conversation, recipients: read } as OutgoingMessage;
}

function readRecipient(json: unknown): Recipient | undefined {
  if (!isObject(json) || !hasFields(json, 2) || !isId(json.device)) return undefined;
  const ciphertext = readBytes(json.ciphertext, { min: 1, max: CIPHERTEXT_BYTES_MAX });
  return ciphertext && ({ device: json.device, ciphertext } as Recipient);
}

function readGroup(message: Fields): OutgoingMessage | undefined {
  const { kind, id, conversation, version } = message;
  if (!hasFields(message, 6) || !isId(id) || !isId(conversation)) return undefined;
  if (!isCount(version, 1)) return undefined;
  const ciphertext = readBytes(message.ciphertext, { min: 1, max: CIPHERTEXT_BYTES_MAX });
  const lists = readBytes(message.lists, { min: 32, max: 32 });
  if (ciphertext === undefined || lists === undefined) return undefined;
  return { kind, id, conversation, ciphertext, version, lists } as OutgoingMessage;
}

function isObject(json: unknown): json is Fields {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** No others than those that were asked for, when each of them is there. */
function hasFields(json: Fields, count: number): boolean {
  return Object.keys(json).length === count;
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function isId(json: unknown): json is string {
  return typeof json === 'string' && json.length === 36 && ID.test(json);
}

function isCount(json: unknown, min: number): json is number {
  return Number.isSafeInteger(json) && Number(json) >= min;
}

function readBytes(
  json: unknown,
  { min, max }: { min: number; max: number },
): Uint8Array | undefined {
  if (typeof json !== 'string') return undefined;
  try {
    const bytes = decodeBase64url(json);
    return bytes.length >= min && bytes.length <= max ? bytes : undefined;
  } catch {
    return undefined;
  }
}
