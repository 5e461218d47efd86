/** Commands about the account: what others call it, its session; what is kept here; and the end. */
import { CommandError, EXIT } from '../exit-code.ts';
import { safeLine } from '../safe-text.ts';
import type { Desk } from './desk.ts';
import { needWords } from './people-named.ts';
import { withPassword } from './question.ts';
import { searchHistory } from './search.ts';
import { pageOf, showPanel, tell } from './telling.ts';

/** `/name [WORDS]`: the name that others see; without words they see the username again. */
export async function rename(desk: Desk, rest: string): Promise<void> {
  const { client, me } = desk;
  await client.people.setProfile({ name: rest === '' ? null : rest });
  const shown = rest === '' ? me.username : safeLine(rest);
  tell(desk, `Whoever you write to sees you as ${shown}`);
}

/** `/login`: after the session has ended; what is kept here goes on. */
export async function login(desk: Desk): Promise<void> {
  const { client } = desk;
  if (client.state.connection.get().status === 'connected') {
    throw new CommandError('you are logged in', EXIT.failed);
  }
  const about = pageOf('Log in again', ['Your messages are still here, and go on after it.']);
  await withPassword(desk, about, () => client.connect());
  tell(desk, 'You are logged in');
}

/** `/search WORD` */
export async function search(desk: Desk, rest: string): Promise<void> {
  const words = needWords(rest, '/search WORD');
  const hits = await searchHistory(desk, words);
  const title = hits.length === 0 ? 'Nothing found' : `Found (${hits.length})`;
  const rowsFor = () => hits.filter(({ expiresAt }) => expiresAt > Date.now());
  showPanel(desk, { title: `${title}: ${safeLine(words)}`, rowsFor });
}

/** `/quit` */
export function quit(desk: Desk): void {
  desk.quit();
}
