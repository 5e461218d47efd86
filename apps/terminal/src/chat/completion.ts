/** What Tab makes of what was typed: commands, names of people, and files. */
import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { pathTyped } from '../file-path.ts';
import type { Draft } from '../screen/edit-line.ts';
import type { Desk } from './desk.ts';
import { openView } from './desk.ts';
import { SLASH_COMMANDS } from './slash-commands.ts';

/** Letters of a name that the platform's directory wants to know. */
const DIRECTORY_LETTERS = 3;

/** What fits; `draft` is as far as all of it agrees. */
export interface Completion {
  readonly draft: Draft;
  readonly candidates: readonly string[];
}

/** Completes the word before the cursor; undefined where nothing is to be completed. */
export async function complete(desk: Desk, draft: Draft): Promise<Completion | undefined> {
  const before = draft.text.slice(0, draft.cursor);
  const [, name] = /^\/(\S*)\s/u.exec(before) ?? [];
  if (name === undefined) {
    if (!before.startsWith('/')) return undefined;
    return completed(draft, before.slice(1), [...SLASH_COMMANDS.keys()]);
  }
  const typed = wordAtEnd(before, name);
  const found = SLASH_COMMANDS.get(name);
  if (found?.completes === 'files') return completed(draft, typed, await filesFor(desk, typed), '');
  if (found?.completes === 'members') return completed(draft, typed, await membersFor(desk));
  if (found?.completes === 'people') return completed(draft, typed, await peopleFor(desk, typed));
  return undefined;
}

/** A path goes to the end of the line, and may have blanks in it. */
function wordAtEnd(before: string, name: string): string {
  const rest = before.slice(name.length + 2);
  const isPath = SLASH_COMMANDS.get(name)?.completes === 'files';
  return isPath ? rest.trimStart() : (/\S*$/u.exec(rest)?.[0] ?? '');
}

function completed(
  { text, cursor }: Draft,
  typed: string,
  all: readonly string[],
  behind = ' ',
): Completion {
  const fits = (one: string) => one.toLowerCase().startsWith(typed.toLowerCase());
  const candidates = [...new Set(all.filter(fits))].toSorted();
  const [only] = candidates;
  if (only === undefined) return { draft: { text, cursor }, candidates };
  const agreed = candidates.length === 1 ? only + behind : commonStart(candidates, typed);
  const start = text.slice(0, cursor - typed.length) + agreed;
  return { draft: { text: start + text.slice(cursor), cursor: start.length }, candidates };
}

function commonStart(candidates: readonly string[], typed: string): string {
  let start = candidates[0] ?? typed;
  for (const one of candidates) {
    while (!one.toLowerCase().startsWith(start.toLowerCase())) start = start.slice(0, -1);
  }
  return start.length < typed.length ? typed : start;
}

async function membersFor(desk: Desk): Promise<string[]> {
  const members = openView(desk)?.members.filter((user) => user !== desk.me.user) ?? [];
  const found = members.map((user) => desk.client.people.find(user).catch(() => undefined));
  return (await Promise.all(found)).flatMap((entry) => entry?.username ?? []);
}

/** Everybody who was met, and whom the directory shows. */
async function peopleFor(desk: Desk, typed: string): Promise<string[]> {
  const { client, me, shown } = desk;
  const met = new Set(shown.conversations.flatMap(({ members }) => members));
  met.delete(me.user);
  const entries = [...met].map((user) => client.people.find(user).catch(() => undefined));
  const page = { name: typed };
  const listed =
    typed.length < DIRECTORY_LETTERS ? [] : await client.people.list(page).catch(() => []);
  const known = (await Promise.all(entries)).flatMap((entry) => entry?.username ?? []);
  return [...known, ...listed.map(({ username }) => username)].filter((one) => one !== me.username);
}

async function filesFor({ workingDirectory }: Desk, typed: string): Promise<string[]> {
  const folder = typed.endsWith('/') ? typed : dirname(typed);
  const start = typed.endsWith('/') ? '' : basename(typed);
  const entries = await readdir(pathTyped(workingDirectory, folder), { withFileTypes: true }).catch(
    () => [],
  );
  const shown = entries.filter(({ name }) => start.startsWith('.') || !name.startsWith('.'));
  const prefix = typed.slice(0, typed.length - start.length);
  return shown.map((entry) => prefix + entry.name + (entry.isDirectory() ? '/' : ''));
}
