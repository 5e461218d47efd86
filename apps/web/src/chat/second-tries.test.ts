import type { MessageView } from '@sotto/client';
import { expect, test } from 'vitest';
import type { Reference } from './chat-context.ts';
import { secondTriesOf } from './second-tries.ts';

const referenceOf = (id: string) => ({
  device: 'phone' as Reference['device'],
  id: id as Reference['id'],
});
const QUOTED = referenceOf('quoted');
const FAILED: MessageView = {
  ...{ conversation: 'room' as MessageView['conversation'], reference: referenceOf('failed') },
  ...{ isOwn: true, status: 'failed', order: 'next', time: 0, reactions: [] },
  ...{ body: { type: 'text', text: 'Hello', isEdited: false }, replyTo: QUOTED },
};

/** A client that writes down what it does; taking a line away fails as often as the test says. */
function openTalk(failures = 0) {
  const done: string[] = [];
  let left = failures;
  const tryAgain = secondTriesOf({
    async sendText(_, text, options) {
      done.push(`${text} to ${options?.replyTo === undefined ? 'nothing' : 'a quote'}`);
    },
    async deleteMessage() {
      left -= 1;
      if (left >= 0) throw new Error('not now');
      done.push('taken away');
    },
  });
  return { tryAgain, done };
}

test('two clicks say it once, as the answer that it was', async () => {
  const { tryAgain, done } = openTalk();
  await Promise.all([tryAgain(FAILED), tryAgain(FAILED)]);
  expect(done).toEqual(['Hello to a quote', 'taken away']);
});

test('a line that could not be taken away is not said again', async () => {
  const { tryAgain, done } = openTalk(1);
  await expect(tryAgain(FAILED)).rejects.toThrow('not now');
  await tryAgain(FAILED);
  expect(done).toEqual(['Hello to a quote', 'taken away']);
});
