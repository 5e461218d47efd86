import { ConnectionError, type MessageRequest } from '@sotto/client';
import { expect, test, vi } from 'vitest';
import { ROOM } from './line.fixture.ts';
import { followRequests, type RequestsDeps } from './requests.ts';

const REQUEST = { conversation: ROOM } as MessageRequest;

/** A client whose platform answers as the test says. */
function open(answer: () => Promise<MessageRequest[]>) {
  const listeners = new Set<() => void>();
  const on: RequestsDeps['on'] = (_, listener) => {
    const heard = () => listener({} as never);
    listeners.add(heard);
    return () => listeners.delete(heard);
  };
  const shown = vi.fn();
  const end = followRequests({ on, people: { requests: answer } }, shown);
  return { shown, end, tell: () => listeners.forEach((heard) => void heard()) };
}

test('requests are shown, and asked for again when something has happened', async () => {
  let now = [REQUEST];
  const { shown, tell } = open(async () => now);
  await vi.waitFor(() => expect(shown).toHaveBeenLastCalledWith([REQUEST]));
  now = [];
  tell();
  await vi.waitFor(() => expect(shown).toHaveBeenLastCalledWith([]));
});

test('without a connection those that are known stay', async () => {
  const asked = vi.fn(() => Promise.reject(new ConnectionError('no route')));
  const { shown } = open(asked);
  await vi.waitFor(() => expect(asked).toHaveBeenCalled());
  await Promise.resolve();
  expect(shown).not.toHaveBeenCalled();
});

test('after the end nothing is shown, an answer on its way included', async () => {
  const answer = Promise.withResolvers<MessageRequest[]>();
  const { shown, end, tell } = open(() => answer.promise);
  end();
  answer.resolve([REQUEST]);
  await answer.promise;
  tell();
  await Promise.resolve();
  expect(shown).not.toHaveBeenCalled();
});
