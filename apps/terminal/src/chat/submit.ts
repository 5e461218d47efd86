/** What Enter does with what was typed. */
import { explain } from '../explain.ts';
import { type Draft, draftOf, EMPTY_DRAFT } from '../screen/edit-line.ts';
import { type Desk, tell } from './desk.ts';
import { needOpen } from './people-named.ts';
import { isLong, runSlash } from './slash-commands.ts';

/**
 * Runs a command, or sends a text to the conversation that is open; one after the other, because a text that is typed while
 * `/new` still asks the platform is meant for the conversation that comes. What goes wrong is told, and gives back what was
 * typed, together with what was entered behind it.
 */
export function submit(desk: Desk): void {
  const { draft } = desk.state.get();
  if (draft.text.trim() === '') return;
  desk.change({ draft: EMPTY_DRAFT, notice: undefined });
  const { turns } = desk;
  const { failures } = turns;
  turns.tail = turns.tail.then(() =>
    turns.failures === failures ? take(desk, draft) : giveBack(desk, draft),
  );
}

/** Tells what went wrong. */
export function tellTrouble(desk: Desk, error: unknown): void {
  desk.change({ notice: { text: explain(error), isTrouble: true } });
}

async function take(desk: Desk, draft: Draft): Promise<void> {
  const typed = draft.text.trim();
  const work = run(desk, typed).catch((error: unknown) => {
    desk.turns.failures += 1;
    tellTrouble(desk, error);
    giveBack(desk, draft);
  });
  if (!isLong(typed)) await work;
}

/** Two slashes are for texts that begin with one. */
async function run(desk: Desk, typed: string): Promise<void> {
  if (/^\/(?!\/)/u.test(typed)) await runSlash(desk, typed.slice(1));
  else await say(desk, typed.replace(/^\/\//u, '/'));
}

function giveBack(desk: Desk, { text }: Draft): void {
  const typed = desk.state.get().draft.text;
  desk.change({ draft: draftOf(typed === '' ? text : `${text}\n${typed}`) });
}

async function say(desk: Desk, text: string): Promise<void> {
  const conversation = needOpen(desk);
  await desk.client.sendText(conversation, text);
  desk.change({ scroll: 0, chosen: undefined });
  const isRequest = desk.state.get().requests.has(conversation);
  if (isRequest) tell(desk, 'They see that you answered, and no more of you before /accept');
}
