/** Commands about groups. */

import { safeLine } from '../safe-text.ts';
import { textRow } from '../screen/row.tsx';
import { padText } from '../text-width.ts';
import { type Desk, openConversation, showPanel, tell } from './desk.ts';
import { needGroup, needWords, usersNamed, wordsOf } from './people-named.ts';

/** `/group TITLE NAME…` */
export async function group(desk: Desk, rest: string): Promise<void> {
  const [title = '', ...names] = wordsOf(needWords(rest, '/group TITLE NAME…'));
  const members = await usersNamed(desk, names);
  const { id } = await desk.client.groups.create({ members, title });
  openConversation(desk, id);
}

/** `/add NAME…` */
export async function add(desk: Desk, rest: string): Promise<void> {
  const { id } = await needGroup(desk);
  const users = await usersNamed(desk, wordsOf(needWords(rest, '/add NAME…')));
  await desk.client.groups.add(id, users);
}

/** `/remove NAME…` */
export async function remove(desk: Desk, rest: string): Promise<void> {
  const { id } = await needGroup(desk);
  const users = await usersNamed(desk, wordsOf(needWords(rest, '/remove NAME…')));
  await desk.client.groups.remove(id, users);
}

/** `/rename TITLE` */
export async function rename(desk: Desk, rest: string): Promise<void> {
  const { id } = await needGroup(desk);
  await desk.client.groups.rename(id, needWords(rest, '/rename TITLE').replace(/^"(.*)"$/u, '$1'));
}

/** `/leave` */
export async function leave(desk: Desk): Promise<void> {
  await desk.client.groups.leave((await needGroup(desk)).id);
  tell(desk, 'You have left the group; what was said stays here');
}

/** `/members` */
export async function members(desk: Desk): Promise<void> {
  const listed = await desk.client.groups.members((await needGroup(desk)).id);
  const rows = await Promise.all(
    listed.map(async ({ user, role }) => {
      const name = safeLine(user === desk.me.user ? 'you' : desk.shown.nameOf(user));
      const found = await desk.client.people.find(user).catch(() => undefined);
      const username = found === undefined || found.username === name ? '' : found.username;
      const words = [padText(name, 24), role === 'admin' ? 'admin' : '     ', username].join('  ');
      return textRow(user, words.trimEnd());
    }),
  );
  showPanel(desk, { title: `${listed.length} people`, rowsFor: () => rows });
}
