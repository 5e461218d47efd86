import { ConnectionError, type MessageRequest } from '@sotto/client';
import { expect, test, vi } from 'vitest';
import { ALICE, BOB, CAROL, ROOM } from './line.fixture.ts';
import { followRequests, type RequestsDeps } from './requests.ts';

const REQUEST: MessageRequest = { conversation: ROOM, kind: 'direct', members: [ALICE, BOB] };

/** A client whose platform answers as the test says. */
function open(answer: () => Promise<MessageRequest[]>) {
  const events = new EventTarget();
  const on: RequestsDeps['on'] = (name, listener) => {
    const heard = (event: Event) =>
      listener((event instanceof CustomEvent && event.detail) as never);
    events.addEventListener(name, heard);
    return () => events.removeEventListener(name, heard);
  };
  const shown = vi.fn();
  const end = followRequests({ on, people: { requests: answer } }, shown);
  const tell = (name: 'conversation' | 'profile', detail: object) =>
    events.dispatchEvent(new CustomEvent(name, { detail }));
  return { shown, end, tell };
}

test('requests are shown, and asked for again when something has happened', async () => {
  let now = [REQUEST];
  const { shown, tell } = open(async () => now);
  await vi.waitFor(() => expect(shown).toHaveBeenLastCalledWith([REQUEST]));
  now = [];
  tell('conversation', { conversation: ROOM });
  await vi.waitFor(() => expect(shown).toHaveBeenLastCalledWith([]));
});

test('a block of whoever has asked ends their request, and other people change nothing', async () => {
  const answer = vi.fn(async () => [REQUEST]);
  const { shown, tell } = open(answer);
  await vi.waitFor(() => expect(shown).toHaveBeenCalled());
  tell('profile', { user: CAROL });
  expect(answer).toHaveBeenCalledTimes(1);
  answer.mockResolvedValue([]);
  tell('profile', { user: BOB });
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
  tell('conversation', { conversation: ROOM });
  await Promise.resolve();
  expect(shown).not.toHaveBeenCalled();
});
