import { ConnectionError, type SendFileOptions } from '@sotto/client';
import type { ConversationId } from '@sotto/hooks';
import { expect, test, vi } from 'vitest';
import { UploadBoard, type UploadDeps } from './upload-board.ts';

const room = 'room' as ConversationId;
const file = (name: string) => new File(['data'], name, { type: 'text/plain' });

/** A client whose uploads end when the test says so. */
function openBoard() {
  const sent: {
    name: string;
    options: SendFileOptions;
    end: () => void;
    fail: (e: Error) => void;
  }[] = [];
  const sendFile: UploadDeps['sendFile'] = (_, { name }, options = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<never>();
    options.signal?.addEventListener('abort', () => reject(options.signal?.reason));
    sent.push({ name, options, end: () => resolve(undefined as never), fail: reject });
    return promise;
  };
  const board = new UploadBoard({ sendFile });
  const states = () => board.get().map(({ name, state }) => `${name} ${state}`);
  return { board, sent, states };
}

test('files of a conversation go up one after another, in their order', async () => {
  const { board, sent, states } = openBoard();
  board.add(room, [file('a'), file('b')]);
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  expect(states()).toEqual(['a sending', 'b waiting']);
  sent[0]?.end();
  await vi.waitFor(() => expect(states()).toEqual(['b sending']));
  await vi.waitFor(() => expect(sent.map(({ name }) => name)).toEqual(['a', 'b']));
  sent[1]?.end();
  await vi.waitFor(() => expect(board.get()).toEqual([]));
});

test('what is paused lets the next one go, and goes on with the same file', async () => {
  const { board, sent, states } = openBoard();
  board.add(room, [file('a'), file('b')]);
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  const [first] = board.get();
  sent[0]?.options.onProgress?.({ done: 2, total: 4 });
  board.pause(first!.id);
  expect(sent[0]?.options).toMatchObject({ pausable: true });
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(states()).toEqual(['a paused', 'b sending']);
  expect(board.get()[0]).toMatchObject({ done: 2, total: 4 });
  sent[1]?.end();
  await vi.waitFor(() => expect(states()).toEqual(['a paused']));
  board.resume(first!.id);
  await vi.waitFor(() => expect(sent.map(({ name }) => name)).toEqual(['a', 'b', 'a']));
});

test('what goes on at once after a pause goes on', async () => {
  const { board, sent, states } = openBoard();
  board.add(room, [file('a')]);
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  const [first] = board.get();
  board.pause(first!.id);
  board.resume(first!.id);
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(states()).toEqual(['a sending']);
});

test('what has failed is offered again, and what is given up is gone', async () => {
  const { board, sent, states } = openBoard();
  board.add(room, [file('a')]);
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  sent[0]?.fail(new ConnectionError('gone'));
  await vi.waitFor(() => expect(states()).toEqual(['a failed']));
  const [failed] = board.get();
  expect(failed?.error).toBeInstanceOf(ConnectionError);
  board.resume(failed!.id);
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  board.cancel(failed!.id);
  expect(sent[1]?.options.signal?.aborted).toBe(true);
  expect(board.get()).toEqual([]);
});
