/**
 * A message of the loss checker. Its id says who wrote it where and as which of the run, so that whoever receives it
 * can be held against whoever sent it; its ciphertext says for whom it was made.
 */

/** Who wrote it, in which conversation, and its number among all letters of the run. */
export interface Letter {
  sender: number;
  conversation: number;
  /** Rises over the run, so a later letter has a higher one, whoever wrote it. */
  number: number;
}

/** In place of a reader, in the one ciphertext of a group message. */
export const EVERYBODY = 255;

const HEAD_BYTES = 9;
/** With the head 96 bytes, of which each 3 are 4 characters. */
const FILLING = Buffer.alloc(87, 'sotto').toString('base64url');

/** A UUIDv7 of now that says which letter it is. */
export function letterId({ sender, conversation, number }: Letter): string {
  const time = Date.now().toString(16).padStart(12, '0');
  const places = [hex(sender, 3), hex(conversation, 3), hex(number, 8)];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${places[0]}-8${places[1]}-c4a0${places[2]}`;
}

/** The letter that an id speaks of. */
export function letterOf(id: string): Letter {
  return {
    sender: Number.parseInt(id.slice(15, 18), 16),
    conversation: Number.parseInt(id.slice(20, 23), 16),
    number: Number.parseInt(id.slice(28), 16),
  };
}

/** A letter's ciphertext for one reader, or for EVERYBODY, as base64url. */
export function ciphertextFor(letter: Letter, reader: number): string {
  return headOf(letter, reader) + FILLING;
}

/** Whether a ciphertext is what the sender of the letter made for a reader. */
export function isCiphertextFor(text: string, letter: Letter, reader: number): boolean {
  return text === ciphertextFor(letter, reader);
}

function headOf({ sender, conversation, number }: Letter, reader: number): string {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt8(sender, 0);
  head.writeUInt16BE(conversation, 1);
  head.writeUInt32BE(number, 3);
  head.writeUInt16BE(reader, 7);
  return head.toString('base64url');
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
