/** A line over a socket between two processes of Node: lengths of four bytes, and values as V8 clones them. */
import type { Socket } from 'node:net';
import { deserialize, serialize } from 'node:v8';
import { LINE_FRAME_BYTES_MAX, LINE_WAITING_BYTES_MAX } from './limits.ts';
import type { Line } from './line.ts';

const HEADER_BYTES = 4;

/** The line of a connected socket. What is no value of V8's, and what is too long, ends it. */
export function socketLine(socket: Socket): Line {
  const closing = new AbortController();
  const close = () => {
    socket.destroy();
    if (!closing.signal.aborted) closing.abort();
  };
  socket.on('error', close); // How it ended makes no difference.
  socket.on('close', close);
  return {
    send(value) {
      if (closing.signal.aborted) return;
      const bytes = serialize(value);
      if (bytes.length > LINE_FRAME_BYTES_MAX) {
        throw new RangeError('this is too much to be told at once: ask for less');
      }
      const header = Buffer.allocUnsafe(HEADER_BYTES);
      header.writeUInt32BE(bytes.length);
      socket.cork();
      socket.write(header);
      socket.write(bytes);
      socket.uncork();
      // Whoever does not read what they ask for is not to fill the memory.
      if (socket.writableLength > LINE_WAITING_BYTES_MAX) close();
    },
    listen(listener) {
      const take = framesOf(listener);
      socket.on('data', (piece: Buffer) => {
        try {
          take(piece);
        } catch {
          close();
        }
      });
    },
    closed: closing.signal,
    close,
    carriesBlobs: false,
  };
}

/** Gives each value to `listener` when all of it is there. Throws for what is none. */
function framesOf(listener: (value: unknown) => void): (piece: Buffer) => void {
  let pieces: Buffer[] = [];
  let length = 0;
  let wanted = HEADER_BYTES;
  let isHeader = true;
  return (piece) => {
    pieces.push(piece);
    length += piece.length;
    while (length >= wanted) {
      const all = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      const frame = all.subarray(0, wanted);
      const rest = all.subarray(wanted);
      pieces = rest.length === 0 ? [] : [rest];
      length = rest.length;
      isHeader = !isHeader;
      if (isHeader) {
        wanted = HEADER_BYTES;
        listener(deserialize(frame));
      } else {
        wanted = frame.readUInt32BE();
        if (wanted > LINE_FRAME_BYTES_MAX) throw new RangeError('the frame is too long');
      }
    }
  };
}
