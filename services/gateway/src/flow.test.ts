import { PassThrough, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { flow } from './flow.ts';

/** Takes one chunk at a time, each when it is told to. */
class Slow extends Writable {
  readonly written: string[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor() {
    super({ highWaterMark: 1 });
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#waiting.push(() => {
      this.written.push(chunk.toString('latin1', 0, 1));
      done();
    });
  }

  take(): void {
    this.#waiting.shift()?.();
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const chunkOf = (letter: string) => new Uint8Array(8192).fill(letter.charCodeAt(0));

test('passes on in order, no faster than it is taken, and frees what has been written', async () => {
  const from = new PassThrough({ highWaterMark: 64 * 1024 });
  const to = new Slow();
  flow(from, to);
  const chunks = ['a', 'b', 'c'].map(chunkOf);
  for (const chunk of chunks) from.write(chunk);
  await turn();
  expect(from.isPaused()).toBe(true);
  for (const _ of chunks) {
    to.take();
    await turn();
    await turn();
  }
  expect(to.written).toEqual(['a', 'b', 'c']);
  expect(chunks.map(({ byteLength }) => byteLength)).toEqual([0, 0, 0]);
});

test('stops when it is told to, and when nobody takes any more', async () => {
  for (const end of ['stop', 'close'] as const) {
    const from = new PassThrough();
    const to = new Slow();
    const stop = flow(from, to);
    if (end === 'stop') stop();
    else to.destroy();
    await turn();
    from.write(chunkOf('a'));
    await turn();
    expect(to.written).toEqual([]);
    expect(from.isPaused()).toBe(true);
    expect(from.listenerCount('data')).toBe(0);
  }
});
