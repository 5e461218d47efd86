/** Coming in: whose chat it is, in plain questions before anything is drawn. */
import { existsSync } from 'node:fs';
import type { Client } from '@sotto/client';
import { codeOf } from '@sotto/hooks';
import { assertServer } from '../account/connect.ts';
import {
  type AccountFolder,
  adoptLinked,
  keepAccount,
  listAccounts,
  matching,
  prepareAccount,
  prepareLinking,
  storePathOf,
} from '../account/data-directory.ts';
import { type OpenAccount, openAccount } from '../account/open-account.ts';
import { timeoutOf } from '../arguments.ts';
import { type Call, DEFAULT_URL, noteOpenDirectory, passphraseOf, urlOf } from '../call.ts';
import { EXIT } from '../exit-code.ts';
import { explain, toCommandError } from '../explain.ts';
import type { Asking } from '../input.ts';
import { qrRows } from '../qr-code.ts';
import { safeLine } from '../safe-text.ts';
import { wrapText } from '../text-width.ts';

const PROGRAM = 'the chat in another terminal';

/** Opens the account that the call means, asking for what it does not say. Rejects with what no other answer mends. */
export async function enter(call: Call, asking: Asking): Promise<OpenAccount> {
  const known = matching(listAccounts(call.directory), {
    username: call.options.as,
    url: urlOf(call),
  });
  const [only, ...others] = known;
  const chosen = others.length === 0 ? only : await chooseAccount(call, asking, known);
  return chosen === undefined ? begin(call, asking) : open(call, asking, chosen);
}

/** Undefined for another one than those that are here. */
async function chooseAccount(
  call: Call,
  asking: Asking,
  known: readonly AccountFolder[],
): Promise<AccountFolder | undefined> {
  const listed = known.map(({ username, url }, at) => `  ${at + 1}  ${username} at ${url}`);
  const last = known.length + 1;
  say(call, ['Accounts here:', '', ...listed, `  ${last}  another one`, ''].join('\n'));
  for (;;) {
    const answer = Number((await asking.line(`1 to ${last}? `)).trim());
    if (answer === last) return undefined;
    const chosen = known[answer - 1];
    if (chosen !== undefined) return chosen;
  }
}

/** An account that is here: its store, and its log-in where none has ever been finished. */
async function open(call: Call, asking: Asking, folder: AccountFolder): Promise<OpenAccount> {
  const account = await openStore(call, asking, folder);
  const me = await account.client.me();
  if (me !== undefined) return account;
  await account.close();
  return begin(call, asking);
}

const CHOICES = `  1  make a new account
  2  link this device to an account that you have
  3  log in to it by its password alone
`;

async function begin(call: Call, asking: Asking): Promise<OpenAccount> {
  const url = urlOf(call) ?? DEFAULT_URL;
  await assertServer(url, timeoutOf(call.options));
  noteOpenDirectory(call);
  say(call, `Welcome to Sotto at ${url}.\n\n${CHOICES}`);
  for (;;) {
    const choice = (await asking.line('1, 2 or 3? ')).trim();
    if (choice === '1' || choice === '') return register(call, asking, url);
    if (choice === '2') return link(call, asking, url);
    if (choice === '3') return logIn(call, asking, url);
  }
}

const ALONE = `
This device gets keys of its own then: whoever you talk with is warned, your other devices have to be linked again, and nothing that was said comes along. With another device at hand, link this one instead. A forgotten password: Ctrl+C, then sotto recover NAME.
`;

async function logIn(call: Call, asking: Asking, url: string): Promise<OpenAccount> {
  say(call, ALONE);
  let username = call.options.as ?? '';
  for (;;) {
    username ||= (await asking.line('Your name: ')).trim();
    const account = await openNew(call, asking, { username, url });
    if (account !== undefined && (await logInTo(call, asking, account))) return account;
    username = '';
  }
}

/** False, and told, when the name or the password was wrong. */
async function logInTo(
  call: Call,
  asking: Asking,
  { client, folder, close }: OpenAccount,
): Promise<boolean> {
  try {
    const password = await asking.secret('Your password: ');
    const { username } = await client.login({ username: folder.username, password });
    keepAccount({ ...folder, username });
    return true;
  } catch (error) {
    await close();
    if (codeOf(error) !== 'auth.credentials-wrong') throw error;
    say(call, explain(error));
    return false;
  }
}

/** Undefined, and told, for what can be no name. */
async function openNew(
  call: Call,
  asking: Asking,
  account: Pick<AccountFolder, 'username' | 'url'>,
): Promise<OpenAccount | undefined> {
  try {
    return await openStore(call, asking, prepareAccount(call.directory, account));
  } catch (error) {
    if (toCommandError(error).exitCode !== EXIT.usage) throw error;
    say(call, explain(error));
    return undefined;
  }
}

async function register(call: Call, asking: Asking, url: string): Promise<OpenAccount> {
  let username = call.options.as ?? '';
  for (;;) {
    username ||= (await asking.line('Your name, 3 to 50 letters and digits: ')).trim();
    const account = await openNew(call, asking, { username, url });
    if (account !== undefined) {
      if (await registerIn(call, asking, { account, username })) return account;
      await account.close();
    }
    username = '';
  }
}

/** False when the name was not to be had; a password that is not good enough is asked for again. */
async function registerIn(
  call: Call,
  asking: Asking,
  { account, username }: { readonly account: OpenAccount; readonly username: string },
): Promise<boolean> {
  const { client, folder } = account;
  let invite = call.options.invite;
  for (;;) {
    const password = await asking.secret('A password: ');
    if (password !== (await asking.secret('The same again: '))) {
      say(call, 'These were two. Once more:');
      continue;
    }
    try {
      const given = { username, password, ...(invite !== undefined && { invite }) };
      const { recoveryCode } = await client.register(given);
      keepAccount({ ...folder, username });
      await showRecoveryCode(call, asking, recoveryCode);
      return true;
    } catch (error) {
      const code = codeOf(error);
      say(call, explain(error));
      if (code === 'auth.invite-wrong') invite = (await asking.line('Invitation: ')).trim();
      else if (code === 'auth.username-taken' || code === 'auth.username-rule') return false;
      else if (code !== 'auth.password-rule') {
        await account.close();
        throw error;
      }
    }
  }
}

async function showRecoveryCode(call: Call, asking: Asking, code: string): Promise<void> {
  say(
    call,
    `\nYour recovery code, the way back when the password is forgotten:\n\n    ${code}\n\nIt is shown this once.`,
  );
  await asking.line('Write it down, then press Enter. ');
}

async function link(call: Call, asking: Asking, url: string): Promise<OpenAccount> {
  const folder = prepareLinking(call.directory, url);
  const linking = await openStore(call, asking, folder);
  const username = await waitForLink(linking.client, call).finally(() => linking.close());
  const adopted = adoptLinked(call.directory, folder, username);
  say(call, `This is a device of ${username} now.`);
  return openStore(call, asking, adopted);
}

async function waitForLink(client: Client, call: Call): Promise<string> {
  const { output, signal } = call;
  const { code, completed } = await client.beginLink();
  for (const row of qrRows(code)) output.note(row);
  output.note(`\n${code}\n`);
  say(call, 'Let a device of yours read this, or type there: /link and the code. Waiting…');
  const aborted = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => aborted.reject(signal.reason));
  return (await Promise.race([completed, aborted.promise])).username;
}

async function openStore(call: Call, asking: Asking, folder: AccountFolder): Promise<OpenAccount> {
  const isNew = !existsSync(storePathOf(folder));
  const passphrase = await passphraseOf(call, folder);
  if (isNew && passphrase !== undefined) say(call, 'What is kept here is encrypted with it.');
  const askPassphrase = () => asking.secret('Passphrase: ');
  return openAccount(folder, { program: PROGRAM, passphrase, askPassphrase });
}

/** Lines for whoever is coming in, broken between words. */
function say({ output }: Call, text: string): void {
  for (const line of text.split('\n')) {
    for (const row of wrapText(safeLine(line), output.columns - 1)) output.note(row.trimEnd());
  }
}
