/** Commands about groups. */
import type { GroupMember } from '@sotto/client';
import { conversationName } from '@sotto/hooks';
import { safeLine } from '../safe-text.ts';
import { textRow } from '../screen/row.tsx';
import { padText } from '../text-width.ts';
import type { Desk, Turn } from './desk.ts';
import { needGroup, needWords, usersNamed, wordsOf } from './people-named.ts';
import { arrive } from './places.ts';
import { showPanel, tell } from './telling.ts';

/** `/group TITLE NAME…` */
export async function group(desk: Desk, rest: string, { coming }: Turn): Promise<void> {
  const [title = '', ...names] = wordsOf(needWords(rest, '/group TITLE NAME…'));
  const members = await usersNamed(desk, names);
  const { id } = await desk.client.groups.create({ members, title });
  if (coming !== undefined) arrive(desk, coming, id);
}

/** `/add NAME…` */
export async function add(desk: Desk, rest: string, turn: Turn): Promise<void> {
  const { id } = await needGroup(desk, turn);
  const users = await usersNamed(desk, wordsOf(needWords(rest, '/add NAME…')));
  await desk.client.groups.add(id, users);
}

/** `/remove NAME…` */
export async function remove(desk: Desk, rest: string, turn: Turn): Promise<void> {
  const { id } = await needGroup(desk, turn);
  const users = await usersNamed(desk, wordsOf(needWords(rest, '/remove NAME…')));
  await desk.client.groups.remove(id, users);
}

/** `/admin NAME…`: they may change the group, too. */
export function promote(desk: Desk, rest: string, turn: Turn): Promise<void> {
  return setRoles(desk, turn, { role: 'admin', names: needWords(rest, '/admin NAME…') });
}

/** `/unadmin NAME…` */
export function demote(desk: Desk, rest: string, turn: Turn): Promise<void> {
  return setRoles(desk, turn, { role: 'member', names: needWords(rest, '/unadmin NAME…') });
}

async function setRoles(
  desk: Desk,
  turn: Turn,
  { role, names }: { readonly role: GroupMember['role']; readonly names: string },
): Promise<void> {
  const { id } = await needGroup(desk, turn);
  for (const user of await usersNamed(desk, wordsOf(names))) {
    await desk.client.groups.setRole(id, user, role);
  }
}

/** `/rename TITLE` */
export async function rename(desk: Desk, rest: string, turn: Turn): Promise<void> {
  const { id } = await needGroup(desk, turn);
  await desk.client.groups.rename(id, needWords(rest, '/rename TITLE').replace(/^"(.*)"$/u, '$1'));
}

/** `/leave` */
export async function leave(desk: Desk, _rest: string, turn: Turn): Promise<void> {
  await desk.client.groups.leave((await needGroup(desk, turn)).id);
  tell(desk, 'You have left the group; what was said stays here', turn.place);
}

/** `/members` */
export async function members(desk: Desk, _rest: string, turn: Turn): Promise<void> {
  const view = await needGroup(desk, turn);
  const listed = await desk.client.groups.members(view.id);
  const rows = await Promise.all(
    listed.map(async ({ user, role }) => {
      const name = safeLine(user === desk.me.user ? 'you' : desk.shown.nameOf(user));
      const found = await desk.client.people.find(user).catch(() => undefined);
      const username = found === undefined || found.username === name ? '' : found.username;
      const words = [padText(name, 24), role === 'admin' ? 'admin' : '     ', username].join('  ');
      return textRow(user, words.trimEnd());
    }),
  );
  const name = safeLine(conversationName(view, desk.me.user, desk.shown.nameOf));
  showPanel(desk, { title: `${listed.length} people in ${name}`, rowsFor: () => rows });
}
