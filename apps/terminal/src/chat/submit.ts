/** What Enter does with what was typed. */
import { explain } from '../explain.ts';
import { EMPTY_DRAFT } from '../screen/edit-line.ts';
import { type Desk, tell } from './desk.ts';
import { needView } from './people-named.ts';
import { runSlash } from './slash-commands.ts';

/** Runs a command, or sends a text to the conversation that is open. What goes wrong is told, and nothing typed is lost. */
export async function submit(desk: Desk): Promise<void> {
  const { draft } = desk.state.get();
  const typed = draft.text.trim();
  if (typed === '') return;
  desk.change({ draft: EMPTY_DRAFT, notice: undefined });
  try {
    // Two slashes are for texts that begin with one.
    if (/^\/(?!\/)/u.test(typed)) await runSlash(desk, typed.slice(1));
    else await say(desk, typed.replace(/^\/\//u, '/'));
  } catch (error) {
    tellTrouble(desk, error);
    const isEmpty = desk.state.get().draft.text === '';
    if (isEmpty) desk.change({ draft });
  }
}

/** Tells what went wrong. */
export function tellTrouble(desk: Desk, error: unknown): void {
  desk.change({ notice: { text: explain(error), isTrouble: true } });
}

async function say(desk: Desk, text: string): Promise<void> {
  const view = needView(desk);
  await desk.client.sendText(view.id, text);
  desk.change({ scroll: 0, chosen: undefined });
  if (desk.state.get().requests.has(view.id)) tell(desk, 'They learn that you are here: /accept');
}
