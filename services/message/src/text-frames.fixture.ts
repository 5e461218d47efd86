/** Text frames as a client reads them (RFC 6455, 5.2), for tests. */

/** The texts of whole frames. Throws for anything else. */
export function readTexts(bytes: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== 0x81) throw new Error(`no text frame at ${at}`);
    const short = bytes.readUInt8(at + 1);
    if (short > 127) throw new Error('a server does not mask');
    const [head, size] = sizeOf(bytes, at + 2, short);
    const start = at + 2 + head;
    if (start + size > bytes.length) throw new Error('a frame is cut short');
    texts.push(bytes.toString('utf8', start, start + size));
    at = start + size;
  }
  return texts;
}

/** How many bytes say the length, and the length; the shortest way to say it is the only one. */
function sizeOf(bytes: Buffer, at: number, short: number): [number, number] {
  if (short < 126) return [0, short];
  const [head, size] =
    short === 126 ? [2, bytes.readUInt16BE(at)] : [8, Number(bytes.readBigUInt64BE(at))];
  if (size < (head === 2 ? 126 : 65_536)) throw new Error('a length is longer than it need be');
  return [head, size];
}
