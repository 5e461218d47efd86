import { BLOB_PART_BYTES, createPartMemory, type PartMemory } from '@sotto/runtime';
import { expect, test } from 'vitest';
import { until } from '../test/client.fixture.ts';
import { cutSections } from './resumable-sections.ts';

/** Memory for one part beside what is for small ones. */
const LEAST = (BLOB_PART_BYTES * 8) / 7;

/** A part that has all there is. */
async function takeAll(memory: PartMemory): Promise<Disposable> {
  const part = memory.open({ owner: 'another' });
  await part.append(new Uint8Array(BLOB_PART_BYTES));
  part.finish();
  return { [Symbol.dispose]: () => part.release() };
}

const endless = () =>
  new ReadableStream<Uint8Array>({ pull: (body) => body.enqueue(new Uint8Array(100_000)) });

test('a wait for memory ends with the request, and what has come of the section is there', async () => {
  const memory = createPartMemory(LEAST);
  using _ = await takeAll(memory);
  const request = new AbortController();
  const { signal } = request;
  const sections = cutSections(endless(), { memory, owner: 'somebody', signal });
  const section = sections.next(BLOB_PART_BYTES);
  await until(async () => memory.state().waiting === 1);
  const reason = new Error('a later request took over');
  request.abort(reason);
  using ended = await section;
  expect(ended.end).toEqual({ error: reason });
  expect(memory.state().waiting).toBe(0);
  await sections.close();
});
