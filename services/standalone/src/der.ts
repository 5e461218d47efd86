/** ASN.1 in its distinguished encoding (X.690), as far as a certificate needs it. Writes only: nothing here parses. */

/** A value of one tag, whose content is given whole or in parts. */
function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content]);
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes = bigEndian(length);
  return [0x80 | bytes.length, ...bytes];
}

/** The least bytes that hold a number. */
function bigEndian(value: number): number[] {
  const bytes = [value % 256];
  for (let rest = Math.floor(value / 256); rest > 0; rest = Math.floor(rest / 256)) {
    bytes.unshift(rest % 256);
  }
  return bytes;
}

export const TRUE = element(0x01, Buffer.from([0xff]));

export const sequence = (...parts: readonly Uint8Array[]): Buffer => element(0x30, ...parts);

export const set = (...parts: readonly Uint8Array[]): Buffer => element(0x31, ...parts);

export const octets = (content: Uint8Array): Buffer => element(0x04, content);

export const text = (value: string): Buffer => element(0x0c, Buffer.from(value));

/** A number that is not negative, from its big-endian bytes: the shortest form, with a clear sign. */
export function integer(bytes: Uint8Array): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const shortest = start === -1 ? Buffer.from([0]) : bytes.subarray(start);
  const isHigh = (shortest[0] ?? 0) >= 0x80;
  return element(0x02, ...(isHigh ? [Buffer.from([0])] : []), shortest);
}

/** `1.2.840.10045.4.3.2` */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const groups = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    groups.unshift(0x80 | (rest % 128));
  }
  return groups;
}

/** Whole bytes, or flags of which the last byte leaves some bits out. */
export const bits = (content: Uint8Array, unused = 0): Buffer => {
  return element(0x03, Buffer.from([unused]), content);
};

/** RFC 5280, 4.1.2.5: two digits for the year before 2050, four from then on. */
export function time(moment: number): Buffer {
  const digits = `${new Date(moment).toISOString().replace(/\D/g, '').slice(0, 14)}Z`;
  return digits < '2050'
    ? element(0x17, Buffer.from(digits.slice(2)))
    : element(0x18, Buffer.from(digits));
}

/** A part that its place names: `[0]`. One that replaces a value of a simple type says `of: 'content'`. */
export function tagged(
  place: number,
  of: 'value' | 'content',
  ...parts: readonly Uint8Array[]
): Buffer {
  return element((of === 'value' ? 0xa0 : 0x80) | place, ...parts);
}
