/** What people and conversations are called, for commands: usernames, which are one account's each. */
import type { Client, ConversationView } from '@sotto/client';
import { CommandError, EXIT } from '../exit-code.ts';

type UserId = ConversationView['members'][number];
type ConversationId = ConversationView['id'];

/** Usernames by ids, each asked for once. */
export interface Names {
  nameOf(user: UserId): Promise<string>;
}

/** Opens an empty book of names. Somebody whose account is gone keeps their id. */
export function openNames(client: Pick<Client, 'me' | 'people'>): Names {
  const known = new Map<UserId, Promise<string>>();
  const ask = async (user: UserId) => {
    const me = await client.me();
    if (me?.user === user) return me.username;
    const found = await client.people.find(user).catch(() => undefined);
    return found?.username ?? user;
  };
  return {
    nameOf(user) {
      const name = known.get(user) ?? ask(user);
      known.set(user, name);
      return name;
    },
  };
}

/**
 * The conversation that a command names: a user, `#TITLE` of a group, or an id. Begins one with a user when there is none.
 * Throws a `CommandError`.
 */
export async function findConversation(client: Client, to: string): Promise<ConversationId> {
  const known = await client.conversations();
  const byId = known.find(({ id }) => id === to.toLowerCase());
  if (byId !== undefined) return byId.id;
  if (to.startsWith('#')) {
    const groups = known.filter((each) => each.kind === 'group' && each.title === to.slice(1));
    const [only, ...others] = groups;
    if (only === undefined) throw nobody(`there is no group ${to} here`);
    if (others.length > 0) throw nobody(`more than one group is called ${to}: give its id`);
    return only.id;
  }
  const { user } = await findUser(client, to);
  return (await client.openDirect(user)).id;
}

/** A user by name. Throws a `CommandError`. */
export async function findUser(
  client: Client,
  name: string,
): Promise<{ user: UserId; username: string }> {
  const found = await client.findUser(name);
  if (found === undefined) throw nobody(`there is no user ${name}`);
  return found;
}

function nobody(message: string): CommandError {
  return new CommandError(message, EXIT.nobody);
}
