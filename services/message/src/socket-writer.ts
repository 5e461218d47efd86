/**
 * Frames on their way out (RFC 6455, 5.2). They go to the connection directly, in whole frames, beside what the WebSocket
 * library writes there itself: pongs, pings and the goodbye. So a frame that many sockets get is made once, and what one
 * socket gets in one turn of the event loop is one write.
 */
import type { Duplex } from 'node:stream';

/** The last fragment, text. */
const TEXT = 0x81;

const SHORT_MAX = 125;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** A text frame as bytes; a server's frames are not masked. */
export function textFrame(text: string): Buffer {
  const size = Buffer.byteLength(text);
  const head = size <= SHORT_MAX ? 2 : size <= 0xffff ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + size);
  frame[0] = TEXT;
  if (head === 2) {
    frame[1] = size;
  } else if (head === 4) {
    frame[1] = LENGTH_16;
    frame.writeUInt16BE(size, 2);
  } else {
    frame[1] = LENGTH_64;
    frame.writeBigUInt64BE(BigInt(size), 2);
  }
  frame.write(text, head);
  return frame;
}

/** Connections that were written to in this turn. */
const corked: Duplex[] = [];

/** Writes a frame when this turn's work is done, with all others of the turn. */
export function writeFrame(stream: Duplex, frame: Buffer, onWritten?: () => void): void {
  if (stream.writableCorked === 0) {
    stream.cork();
    if (corked.push(stream) === 1) process.nextTick(uncorkAll);
  }
  stream.write(frame, onWritten);
}

function uncorkAll(): void {
  for (const stream of corked) stream.uncork();
  corked.length = 0;
}
