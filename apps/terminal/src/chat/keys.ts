/** What each key does. */
import { lineKey } from '@sotto/hooks';
import type { Key as InkKey } from 'ink';
import { safeLine } from '../safe-text.ts';
import {
  backspace,
  cutToEnd,
  cutToStart,
  cutWord,
  type Draft,
  deleteNext,
  EMPTY_DRAFT,
  end,
  home,
  insert,
  left,
  right,
  wordLeft,
  wordRight,
} from '../screen/edit-line.ts';
import { complete } from './completion.ts';
import { type Desk, openView } from './desk.ts';
import { openConversation } from './places.ts';
import { answerQuestion, refuseQuestion } from './question.ts';
import { submit } from './submit.ts';
import { tell, tellTrouble } from './telling.ts';

type Edit = (draft: Draft) => Draft;

/** What is held beside a letter, or pressed in the place of one. */
type Key = Partial<InkKey>;

/** With Ctrl, as shells have them. */
const CONTROL_EDITS: Readonly<Record<string, Edit>> = {
  a: home,
  e: end,
  b: left,
  f: right,
  w: cutWord,
  u: cutToStart,
  k: cutToEnd,
};

/** With Alt. */
const META_EDITS: Readonly<Record<string, Edit>> = { b: wordLeft, f: wordRight };

/** Takes one key, or several letters that came at once. */
export function takeKey(desk: Desk, input: string, key: Key): void {
  const edit = editOf(input, key);
  if (desk.state.get().notice?.isTrouble === false && !isInterrupt(input, key)) {
    desk.change({ notice: undefined });
  }
  if (isInterrupt(input, key)) leaveOrEmpty(desk);
  else if (key.ctrl && input === 'd') leaveIfEmpty(desk);
  else if (key.ctrl && input === 'z') tell(desk, STAYS_HINT);
  else if (edit !== undefined) editDraft(desk, edit);
  else if (key.return && key.meta) editDraft(desk, newLine);
  else if (key.return) enter(desk);
  else if (key.tab) void completeDraft(desk);
  else if (key.escape) letGo(desk);
  else if (isMove(input, key)) move(desk, input, key);
  else if (input !== '' && !key.ctrl) {
    // Esc and a letter that come at once look like Alt with it: over a slow line they were typed one after the other.
    if (key.meta) letGo(desk);
    typeIn(desk, input);
  }
}

function isInterrupt(input: string, key: Key): boolean {
  return key.ctrl === true && input === 'c';
}

function leaveIfEmpty(desk: Desk): void {
  const { draft, question } = desk.state.get();
  if (draft.text === '' && question === undefined) desk.quit();
}

/** Pasted text is never sent by what stands in it. */
export function takePaste(desk: Desk, text: string): void {
  editDraft(desk, (draft) => insert(draft, text));
}

function editOf(input: string, key: Key): Edit | undefined {
  if (key.backspace) return key.meta ? cutWord : backspace;
  if (key.delete) return deleteNext;
  if (key.leftArrow) return key.ctrl || key.meta ? wordLeft : left;
  if (key.rightArrow) return key.ctrl || key.meta ? wordRight : right;
  if (key.home) return home;
  if (key.end) return end;
  if (key.ctrl) return CONTROL_EDITS[input];
  return key.meta ? META_EDITS[input] : undefined;
}

function newLine(draft: Draft): Draft {
  return insert(draft, '\n');
}

function editDraft(desk: Desk, edit: Edit): void {
  const { draft, place, question } = desk.state.get();
  if (question !== undefined) {
    desk.change({ question: { ...question, draft: edit(question.draft) } });
    return;
  }
  const { conversation: open } = place;
  const next = edit(draft);
  if (next.text === draft.text && next.cursor === draft.cursor) return;
  desk.change({ draft: next, ...(open !== undefined && next.text !== '' && { focus: 'chat' }) });
  const isSaying = next.text !== '' && !next.text.startsWith('/');
  if (open !== undefined && isSaying) void desk.client.typing(open).catch(() => {});
}

/** Slow connections give many keys at once, Enter among them. */
function typeIn(desk: Desk, input: string): void {
  const [first = '', ...rest] = input.split('\r');
  if (first !== '') editDraft(desk, (draft) => insert(draft, first));
  for (const part of rest) {
    enter(desk);
    if (part !== '') editDraft(desk, (draft) => insert(draft, part));
  }
}

function enter(desk: Desk): void {
  const { draft, focus, listed, question } = desk.state.get();
  if (question !== undefined) answerQuestion(desk, question);
  else if (draft.text.trim() !== '') submit(desk);
  else if (focus === 'list' && listed !== undefined) openConversation(desk, listed);
}

async function completeDraft(desk: Desk): Promise<void> {
  const { draft, question } = desk.state.get();
  if (question !== undefined) return;
  try {
    const completion = await complete(desk, draft);
    // What was typed on meanwhile stands.
    if (completion === undefined || desk.state.get().draft !== draft) return;
    desk.change({ draft: completion.draft });
    const { candidates } = completion;
    if (candidates.length === 0) tell(desk, 'Nothing fits');
    if (candidates.length > 1) tell(desk, candidates.map(safeLine).join('  '));
  } catch (error) {
    tellTrouble(desk, error);
  }
}

function letGo(desk: Desk): void {
  const { panel, chosen, scroll, notice, question } = desk.state.get();
  if (question !== undefined) refuseQuestion(desk, question);
  else if (panel !== undefined) desk.change({ panel: undefined, scroll: 0 });
  else if (chosen !== undefined || scroll > 0) desk.change({ chosen: undefined, scroll: 0 });
  else if (notice !== undefined) desk.change({ notice: undefined });
  else desk.change({ focus: 'list' });
}

/** Other programs of the account may wait for this one, which has its store: all of them would stand still. */
const STAYS_HINT = 'The chat is not stopped, others may wait for it: open another terminal';

const END_HINT = 'Ctrl+C again ends';

function leaveOrEmpty(desk: Desk): void {
  const { draft, notice, question } = desk.state.get();
  if (question !== undefined) refuseQuestion(desk, question);
  else if (draft.text !== '') desk.change({ draft: EMPTY_DRAFT });
  else if (notice?.text === END_HINT) desk.quit();
  else tell(desk, END_HINT);
}

function isMove(input: string, key: Key): boolean {
  const isOther = key.ctrl && (input === 'n' || input === 'p');
  const moves = [key.upArrow, key.downArrow, key.pageUp, key.pageDown, isOther];
  return moves.includes(true);
}

function move(desk: Desk, input: string, key: Key): void {
  const isBack = key.upArrow || key.pageUp || input === 'p';
  const { focus, panel } = desk.state.get();
  if (key.ctrl || key.meta) openNext(desk, isBack ? -1 : 1);
  else if (panel !== undefined) scrollPanel(desk, isBack ? -rowsOf(desk, key) : rowsOf(desk, key));
  else if (key.pageUp || key.pageDown) scrollBy(desk, isBack ? pageOf(desk) : -pageOf(desk));
  else if (focus === 'list') pointNext(desk, isBack ? -1 : 1);
  else chooseNext(desk, isBack ? -1 : 1);
}

function pageOf({ shown }: Desk): number {
  return Math.max(1, shown.pageRows - 1);
}

/** The window reaches from the oldest row that is there to the newest; at the oldest, older ones are asked for. */
function scrollBy(desk: Desk, rows: number): void {
  const { scroll } = desk.state.get();
  const { rowCount, pageRows, older } = desk.shown;
  const most = Math.max(0, rowCount - pageRows);
  desk.change({ scroll: Math.min(most, Math.max(0, scroll + rows)) });
  if (scroll + rows >= most) void older().catch((e) => tellTrouble(desk, e));
}

function scrollPanel(desk: Desk, rows: number): void {
  const { rowCount, pageRows } = desk.shown;
  const most = Math.max(0, rowCount - pageRows);
  desk.change({ scroll: Math.min(most, Math.max(0, desk.state.get().scroll + rows)) });
}

function rowsOf(desk: Desk, key: Key): number {
  return key.pageUp || key.pageDown ? pageOf(desk) : 1;
}

function pointNext(desk: Desk, step: 1 | -1): void {
  const next = nextOf(desk, desk.state.get().listed, step);
  if (next !== undefined) desk.change({ listed: next });
}

function openNext(desk: Desk, step: 1 | -1): void {
  const next = nextOf(desk, openView(desk)?.id, step);
  if (next !== undefined) openConversation(desk, next);
}

type ConversationId = Desk['shown']['conversations'][number]['id'];

function nextOf({ shown }: Desk, from: ConversationId | undefined, step: 1 | -1) {
  const ids = shown.conversations.map(({ id }) => id);
  const at = from === undefined ? -1 : ids.indexOf(from);
  if (at === -1) return ids[0];
  return ids[Math.min(ids.length - 1, Math.max(0, at + step))];
}

function chooseNext(desk: Desk, step: 1 | -1): void {
  const { lines, rowsBelow, pageRows, older } = desk.shown;
  const keys = lines.map(lineKey);
  const { chosen, scroll } = desk.state.get();
  const at = chosen === undefined ? keys.length : keys.indexOf(chosen);
  const next = keys[at + step];
  if (next === undefined) {
    if (step === 1) desk.change({ chosen: undefined, scroll: 0 });
    else void older().catch((error) => tellTrouble(desk, error));
    return;
  }
  const below = rowsBelow.get(next) ?? 0;
  const isAbove = below >= scroll + pageRows;
  const seen = isAbove ? below - pageRows + 1 : Math.min(scroll, below);
  desk.change({ chosen: next, scroll: seen });
}
