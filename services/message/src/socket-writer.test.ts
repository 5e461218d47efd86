import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { textFrame, writeFrame } from './socket-writer.ts';
import { readTexts } from './text-frames.fixture.ts';

/** A connection that counts how often something is written to it. */
function connection() {
  const writes: Buffer[] = [];
  const stream = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      writes.push(chunk);
      done();
    },
    writev(chunks, done) {
      writes.push(Buffer.concat(chunks.map(({ chunk }) => chunk)));
      done();
    },
  });
  return { stream, writes };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a frame says the text that it was made of, whatever its length', () => {
  for (const size of [0, 1, 124, 125, 126, 127, 65_535, 65_536, 300_000]) {
    const text = 'x'.repeat(size);
    expect(readTexts(textFrame(text))).toEqual([text]);
  }
});

test('a length is counted in bytes', () => {
  const text = 'é€😀'.repeat(40);
  expect(readTexts(textFrame(text))).toEqual([text]);
});

test('what a connection gets in one turn is one write, in order', async () => {
  const { stream, writes } = connection();
  for (const text of ['one', 'two', 'three']) writeFrame(stream, textFrame(text));
  await turn();
  expect(writes).toHaveLength(1);
  expect(readTexts(Buffer.concat(writes))).toEqual(['one', 'two', 'three']);
});

test('each connection and each turn has a write of its own', async () => {
  const [one, other] = [connection(), connection()];
  for (let times = 0; times < 2; times++) {
    writeFrame(one.stream, textFrame('a'));
    writeFrame(other.stream, textFrame('b'));
    await turn();
  }
  expect(readTexts(Buffer.concat(one.writes))).toEqual(['a', 'a']);
  expect([one.writes.length, other.writes.length]).toEqual([2, 2]);
});

test('a connection that ends in between does not keep the others from theirs', async () => {
  const [gone, here] = [connection(), connection()];
  gone.stream.on('error', () => undefined);
  writeFrame(gone.stream, textFrame('a'));
  writeFrame(here.stream, textFrame('b'));
  gone.stream.destroy();
  await turn();
  expect(here.writes).toHaveLength(1);
});
