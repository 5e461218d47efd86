/** People and titles in what was typed. */
import type { ConversationView } from '@sotto/client';
import { CommandError, EXIT } from '../exit-code.ts';
import { type Desk, type Turn, viewOf } from './desk.ts';

/** The list is read anew twenty times a second. */
const LISTED_MS = 5_000;

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

/** The id of the conversation that something was entered in. Throws a `CommandError` when it was none. */
export function needOpen({ place }: Turn): ConversationView['id'] {
  if (place.conversation !== undefined) return place.conversation;
  throw new CommandError('open a conversation first: /new NAME', EXIT.usage);
}

/** The same with all that is known of it; one that is new is listed in a moment. */
export async function needView(desk: Desk, turn: Turn): Promise<ConversationView> {
  needOpen(turn);
  const { subscribe } = desk.client.state.conversations;
  const { promise, resolve, reject } = Promise.withResolvers<ConversationView>();
  const look = () => {
    const view = viewOf(desk, turn.place);
    if (view !== undefined) resolve(view);
  };
  const late = () => reject(new CommandError('this conversation cannot be read', EXIT.failed));
  const timer = setTimeout(late, LISTED_MS);
  const end = subscribe(look);
  look();
  return promise.finally(() => {
    clearTimeout(timer);
    end();
  });
}

/** The same, of a group. */
export async function needGroup(desk: Desk, turn: Turn): Promise<ConversationView> {
  const view = await needView(desk, turn);
  if (view.kind === 'group') return view;
  throw new CommandError('this is no group: /group TITLE NAME…', EXIT.usage);
}

/** The user who was named, else the other one of the conversation of two that it was entered in. */
export async function userMeant(desk: Desk, typed: string, turn: Turn): Promise<UserId> {
  const [name] = wordsOf(typed);
  if (name !== undefined) {
    const [user] = await usersNamed(desk, [name]);
    if (user !== undefined) return user;
  }
  const view = await needView(desk, turn);
  const other = view.members.find((user) => user !== desk.me.user);
  if (view.kind === 'direct' && other !== undefined) return other;
  throw new CommandError('whom? say a NAME', EXIT.usage);
}

/** Refuses to do nothing. */
export function needWords(typed: string, usage: string): string {
  if (typed !== '') return typed;
  throw new CommandError(`say it as ${usage}`, EXIT.usage);
}
