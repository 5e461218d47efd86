/** An upload's body on its way to the store: counted, hashed, and given up when it is too long or too slow. */
import { createHash } from 'node:crypto';
import { ApiError } from '@sotto/api';
import { STRETCH_BYTES_MIN, UPLOAD_MS_MAX } from './limits.ts';
import { passThrough } from './pass-through.ts';

export interface MeterOptions {
  bytesMax: number;
  /** The error for one byte more. */
  exceeded: () => ApiError;
  /** How long the sender may take for STRETCH_BYTES_MIN. Time that the store takes does not count. */
  stallMs: number;
}

export interface MeteredBody {
  /** The same bytes. Fails with an ApiError: the limit, `request.timeout`, or `request.malformed` when the body breaks off. */
  stream: ReadableStream<Uint8Array>;
  /** What has gone by. Complete once the stream has ended. */
  size(): number;
  /** To be called once, after the stream has ended. */
  sha256(): Uint8Array;
}

/** Wraps a body. Reads it no faster than its stream is read. */
export function meterBody(body: ReadableStream<Uint8Array>, options: MeterOptions): MeteredBody {
  const hash = createHash('sha256');
  let size = 0;
  async function* pass(source: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of readPatiently(source, options.stallMs)) {
      size += chunk.byteLength;
      if (size > options.bytesMax) throw options.exceeded();
      hash.update(chunk);
      yield chunk;
    }
  }
  return {
    stream: passThrough(body, pass),
    size: () => size,
    sha256: () => hash.digest(),
  };
}

async function* readPatiently(
  body: ReadableStream<Uint8Array>,
  stallMs: number,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  const startedAt = performance.now();
  let waitedMs = 0;
  let bytes = 0;
  try {
    for (;;) {
      const askedAt = performance.now();
      const leftMs = Math.min(stallMs - waitedMs, startedAt + UPLOAD_MS_MAX - askedAt);
      const { done, value } = await nextChunk(reader, leftMs);
      if (done) return;
      waitedMs += performance.now() - askedAt;
      bytes += value.byteLength;
      if (bytes >= STRETCH_BYTES_MIN) {
        waitedMs = 0;
        bytes = 0;
      }
      yield value;
    }
  } finally {
    // A body that broke off has told so already; this only lets go of one that was given up.
    await reader.cancel().catch(() => undefined);
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

function nextChunk(reader: Reader, leftMs: number): ReturnType<Reader['read']> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new ApiError('request.timeout')), Math.max(0, leftMs));
    reader
      .read()
      .then(resolve, (cause: unknown) => {
        reject(new ApiError('request.malformed', { detail: 'the body ended early', cause }));
      })
      .finally(() => clearTimeout(timer));
  });
}
