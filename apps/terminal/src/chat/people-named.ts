/** People and titles in what was typed. */
import type { ConversationView } from '@sotto/client';
import { CommandError, EXIT } from '../exit-code.ts';
import { type Desk, openView } from './desk.ts';

type UserId = ConversationView['members'][number];

/** Words, and what stands in quotes as one. */
export function wordsOf(typed: string): string[] {
  return [...typed.matchAll(/"([^"]*)"|(\S+)/gu)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

/** Users by their names. Rejects with a `CommandError` that names whom there is not. */
export async function usersNamed({ client }: Desk, names: readonly string[]): Promise<UserId[]> {
  const users: UserId[] = [];
  for (const name of names) {
    const found = await client.findUser(name.replace(/^@/u, ''));
    if (found === undefined) throw new CommandError(`there is no user ${name}`, EXIT.nobody);
    users.push(found.user);
  }
  return users;
}

/** The conversation that is open. Throws a `CommandError` when none is. */
export function needView(desk: Desk): ConversationView {
  const view = openView(desk);
  if (view !== undefined) return view;
  throw new CommandError('open a conversation first: /new NAME', EXIT.usage);
}

/** The same, of a group. */
export function needGroup(desk: Desk): ConversationView {
  const view = needView(desk);
  if (view.kind === 'group') return view;
  throw new CommandError('this is no group: /group TITLE NAME…', EXIT.usage);
}

/** The user who was named, else the other one of the conversation of two that is open. */
export async function userMeant(desk: Desk, typed: string): Promise<UserId> {
  const [name] = wordsOf(typed);
  if (name !== undefined) {
    const [user] = await usersNamed(desk, [name]);
    if (user !== undefined) return user;
  }
  const view = needView(desk);
  const other = view.members.find((user) => user !== desk.me.user);
  if (view.kind === 'direct' && other !== undefined) return other;
  throw new CommandError('whom? say a NAME', EXIT.usage);
}

/** Refuses to do nothing. */
export function needWords(typed: string, usage: string): string {
  if (typed !== '') return typed;
  throw new CommandError(`say it as ${usage}`, EXIT.usage);
}
