/** What a command has to know before it goes on, and no screen is to show: a password. */
import { CommandError, EXIT } from '../exit-code.ts';
import { type Draft, EMPTY_DRAFT } from '../screen/edit-line.ts';
import type { Desk, Panel, Question } from './desk.ts';
import { showPanel } from './telling.ts';

/** Runs what takes a log-in with the password of just now, which it asks for below a page that says what it is for. */
export async function withPassword<T>(
  desk: Desk,
  about: Panel,
  work: () => Promise<T>,
): Promise<T> {
  const { client, me } = desk;
  showPanel(desk, about);
  try {
    const password = await askSecret(desk, `Password of ${me.username}, or Esc:`);
    await client.login({ username: me.username, password });
    return await work();
  } finally {
    if (desk.state.get().panel === about) desk.change({ panel: undefined, scroll: 0 });
  }
}

/** Asks. Rejects with a `CommandError` when the person lets it be, or when something else is asked meanwhile. */
async function askSecret(desk: Desk, words: string): Promise<string> {
  desk.state.get().question?.answer(undefined);
  await untilLineIsFree(desk);
  const { promise, resolve: answer } = Promise.withResolvers<string | undefined>();
  const question = { words, draft: EMPTY_DRAFT, answer };
  desk.change({ question });
  const typed = await promise;
  if (typed === undefined) throw new CommandError('nothing was done', EXIT.usage);
  return typed;
}

/** A command that waited for others asks late: what is being typed by then is meant for somebody else than the platform. */
async function untilLineIsFree({ state, change }: Desk): Promise<void> {
  const isFree = () => state.get().draft.text === '';
  if (isFree()) return;
  change({
    notice: { text: 'When this line is entered or empty: your password', isTrouble: true },
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = state.subscribe(() => {
    if (isFree()) resolve();
  });
  await promise.finally(end);
}

/** Takes the answer that was typed, up to the end of a line that was pasted with it. */
export function answerQuestion(desk: Desk, { draft, answer }: Question): void {
  const [typed = ''] = draft.text.split('\n');
  if (typed === '') return;
  desk.change({ question: undefined });
  answer(typed);
}

/** Lets it be. */
export function refuseQuestion(desk: Desk, { answer }: Question): void {
  desk.change({ question: undefined });
  answer(undefined);
}

/** What is typed, as a mark for each letter. */
export function masked({ text, cursor }: Draft): Draft {
  return { text: '•'.repeat(text.length), cursor };
}
