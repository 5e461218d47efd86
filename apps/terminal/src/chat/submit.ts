/** What Enter does with what was typed. */
import { draftOf, EMPTY_DRAFT } from '../screen/edit-line.ts';
import type { Desk, Turn } from './desk.ts';
import { needOpen } from './people-named.ts';
import { giveBack, giveUp, goTo, letGo, placeNow, showNewest } from './places.ts';
import { isLong, isOpening, isText, runSlash } from './slash-commands.ts';
import { tell, tellTrouble } from './telling.ts';

/**
 * Runs a command, or sends a text to the conversation that is open now; one after the other. Behind `/new` and `/group` the
 * person waits in what is to come, and what they type is meant for that. What goes wrong is told, and gives back what was
 * typed, together with what was entered at the same place behind it.
 */
export function submit(desk: Desk): void {
  const { draft, place, chosen } = desk.state.get();
  const { text, rest } = firstOf(draft.text.trim());
  if (text === '') return;
  const coming = isOpening(text) ? { from: place } : undefined;
  const { lines, notices } = desk.shown;
  if (lines.some(({ reference }) => reference?.id === place.said?.id)) place.said = undefined;
  desk.change({ draft: EMPTY_DRAFT, notice: undefined });
  if (coming !== undefined) goTo(desk, coming);
  if (rest !== '') desk.change({ draft: draftOf(rest) });
  desk.turns.push({ text, place, chosen, lines, notices, ...(coming !== undefined && { coming }) });
  if (desk.turns.length === 1) void takeTurns(desk);
}

/** A command is a line; what stands below it is left to be entered by itself. */
function firstOf(typed: string): { readonly text: string; readonly rest: string } {
  const end = typed.indexOf('\n');
  if (end === -1 || isText(typed)) return { text: typed, rest: '' };
  return { text: typed.slice(0, end).trimEnd(), rest: typed.slice(end + 1) };
}

async function takeTurns(desk: Desk): Promise<void> {
  const { turns } = desk;
  for (let turn = turns[0]; turn !== undefined; turn = turns[0]) {
    const done = take(desk, turn);
    if (!isLong(turn.text)) await done;
    if (turns[0] === turn) turns.shift();
  }
}

async function take(desk: Desk, turn: Turn): Promise<void> {
  try {
    await run(desk, turn);
  } catch (error) {
    takeBack(desk, turn);
    tellTrouble(desk, error, turn.place);
  }
}

/** Two slashes are for texts that begin with one. */
async function run(desk: Desk, turn: Turn): Promise<void> {
  if (/^\/(?!\/)/u.test(turn.text)) await runSlash(desk, turn);
  else await say(desk, turn);
}

/** What is done beside the others, nothing else rests on. */
function takeBack(desk: Desk, failed: Turn): void {
  const { turns } = desk;
  const back = [failed];
  if (failed.coming !== undefined) failed.coming.isGone = true;
  const others = isLong(failed.text) ? [] : turns.slice(1);
  for (const turn of others) {
    if (placeNow(desk, turn.place) !== placeNow(desk, failed.place)) continue;
    back.push(turn);
    turns.splice(turns.indexOf(turn), 1);
    // What was entered in what this was to open comes behind it, and finds out now.
    if (turn.coming !== undefined) turn.coming.isGone = true;
  }
  const text = back.map((turn) => turn.text).join('\n');
  const chosen = back.find((turn) => turn.chosen !== undefined)?.chosen;
  giveBack(desk, failed.place, { text, chosen });
  for (const { coming } of back) if (coming !== undefined) giveUp(desk, coming);
}

async function say(desk: Desk, turn: Turn): Promise<void> {
  const conversation = needOpen(turn);
  const sent = await desk.client.sendText(conversation, turn.text.replace(/^\/\//u, '/'));
  placeNow(desk, turn.place).said = sent;
  letGo(desk, turn);
  showNewest(desk, turn.place);
  const isRequest = desk.state.get().requests.has(conversation);
  if (!isRequest) return;
  tell(desk, 'They see that you answered, and no more of you before /accept', turn.place);
}
