/**
 * Where accounts lie on this machine: a folder for each below the data directory, with its store. Readable for its owner
 * alone, the folders too: names of accounts are names of people.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { CommandError, EXIT, wrongCall } from '../exit-code.ts';

/** One account's place. */
export interface AccountFolder {
  readonly path: string;
  readonly url: string;
  readonly username: string;
}

/** Which account is meant, as far as the command says. */
export interface AccountChoice {
  readonly username?: string | undefined;
  readonly url?: string | undefined;
}

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const MODE_OF_OTHERS = 0o077;

/** Written when an account is there for certain; a folder without it is one that is only being made. */
const CARD = 'account.json';

/** Where a device waits to be linked, before it is known whose it will be. */
const LINKING = '.linking';

/** The store in an account's folder. */
export function storePathOf({ path }: Pick<AccountFolder, 'path'>): string {
  return join(path, 'store.sqlite');
}

/** All accounts below a data directory, by name. */
export function listAccounts(directory: string): AccountFolder[] {
  if (!existsSync(directory)) return [];
  const folders = readdirSync(directory).map((name) => join(directory, name));
  return folders.flatMap((path) => readCard(path) ?? []).toSorted(byName);
}

/** Whether others on this machine can see whose accounts lie in a data directory. One that was made here is closed. */
export function isOpenToOthers(directory: string): boolean {
  if (process.platform === 'win32' || !existsSync(directory)) return false;
  return (statSync(directory).mode & MODE_OF_OTHERS) !== 0;
}

/** The one account that is meant. Throws a `CommandError` that says what to add to the command. */
export function findAccount(directory: string, choice: AccountChoice): AccountFolder {
  const found = matching(listAccounts(directory), choice);
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  if (only === undefined) throw nobody(choice);
  const names = found.map(({ username, url }) =>
    choice.username === undefined ? username : `${username} at ${url}`,
  );
  const what = choice.username === undefined ? 'whose? --as NAME' : 'which server? --url URL';
  throw wrongCall(`${what} (${names.join(', ')})`);
}

/** Those accounts that a choice may mean. */
export function matching(
  accounts: readonly AccountFolder[],
  { username, url }: AccountChoice,
): AccountFolder[] {
  const isMeant = (account: AccountFolder) =>
    (username === undefined || account.username.toLowerCase() === username.toLowerCase()) &&
    (url === undefined || account.url === url);
  return accounts.filter(isMeant);
}

/** The folder of an account that may be new. It is made, and gets its card by {@link keepAccount}. */
export function prepareAccount(
  directory: string,
  { username, url }: { readonly username: string; readonly url: string },
): AccountFolder {
  if (!/^[A-Za-z0-9]{3,50}$/.test(username)) {
    throw wrongCall('a name has 3 to 50 letters and digits');
  }
  const path = join(directory, `${username.toLowerCase()}@${serverName(url)}`);
  makeFolder(path);
  return { path, url, username };
}

/** Notes whose folder it is. */
export function keepAccount({ path, url, username }: AccountFolder): void {
  const draft = join(path, `.${CARD}`);
  writeFileSync(draft, `${JSON.stringify({ url, username })}\n`, { mode: FILE_MODE });
  renameSync(draft, join(path, CARD));
}

/** The folder of a device that waits to be linked; the same one after a crash. */
export function prepareLinking(directory: string, url: string): AccountFolder {
  const path = join(directory, `${LINKING}@${serverName(url)}`);
  makeFolder(path);
  return { path, url, username: '' };
}

/** Gives a linked device its account's folder, which must not hold another device. Its store is to be closed before. */
export function adoptLinked(
  directory: string,
  linking: AccountFolder,
  username: string,
): AccountFolder {
  const target = prepareAccount(directory, { username, url: linking.url });
  if (existsSync(storePathOf(target))) {
    throw new CommandError(
      `${username} has a device here already: link with another --data`,
      EXIT.configuration,
    );
  }
  rmSync(target.path, { recursive: true, force: true });
  renameSync(linking.path, target.path);
  keepAccount(target);
  return target;
}

function readCard(path: string): AccountFolder[] | undefined {
  const file = join(path, CARD);
  if (!existsSync(file)) return undefined;
  const card: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof card !== 'object' || card === null) return undefined;
  const { url, username } = card as { url?: unknown; username?: unknown };
  return typeof url === 'string' && typeof username === 'string'
    ? [{ path, url, username }]
    : undefined;
}

function nobody({ username, url }: AccountChoice): CommandError {
  const who = username ?? 'nobody';
  const where = url === undefined ? '' : ` at ${url}`;
  return new CommandError(
    username === undefined
      ? `nobody is logged in here${where}: sotto register NAME, or sotto link`
      : `${who} has no account here${where}: sotto register ${who}, or sotto link`,
    EXIT.refused,
  );
}

function serverName(url: string): string {
  return new URL(url).host.replace(/[^A-Za-z0-9.-]/gu, '_');
}

/** Closes what is made here, and this folder, which is an account's; what was there above it is not ours to change. */
function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: FOLDER_MODE });
  if (process.getuid !== undefined && statSync(path).uid !== process.getuid()) {
    throw new CommandError(
      `${path} belongs to somebody else: use another --data`,
      EXIT.configuration,
    );
  }
  chmodSync(path, FOLDER_MODE);
}

function byName(one: AccountFolder, other: AccountFolder): number {
  return one.username.localeCompare(other.username) || one.url.localeCompare(other.url);
}
