/** Commands about the account: register, log in, come back after a forgotten password, who is it, log out. */
import { existsSync } from 'node:fs';
import type { Client, Me } from '@sotto/client';
import { connectWithin } from '../account/connect.ts';
import {
  type AccountFolder,
  keepAccount,
  listAccounts,
  matching,
  prepareAccount,
  storePathOf,
} from '../account/data-directory.ts';
import { timeoutOf } from '../arguments.ts';
import {
  accountOf,
  type Call,
  DEFAULT_URL,
  noteOpenDirectory,
  passwordOf,
  secretOf,
  urlOf,
  withAccount,
} from '../call.ts';
import { CommandError, EXIT, wrongCall } from '../exit-code.ts';
import { safeJson, safeLine } from '../safe-text.ts';

/** `sotto register NAME`. */
export async function register(call: Call): Promise<void> {
  const username = nameOf(call);
  const url = urlOf(call) ?? DEFAULT_URL;
  const folder = prepareAccount(call.directory, { username, url });
  noteOpenDirectory(call);
  const password = await passwordOf(call, `Password for ${username}: `);
  const { invite } = call.options;
  await withAccount(call, folder, async ({ client }) => {
    const account = { username, password, ...(invite !== undefined && { invite }) };
    const registered = await client.register(account);
    keepAccount({ ...folder, username: registered.username });
    // Before anything else can fail: it cannot be had again.
    tell(call, registered, url, registered.recoveryCode);
    await publishKeys(call, client);
  });
}

/** `sotto login NAME`: on the device that is here, or, when that is wanted, as one with a new identity. */
export async function login(call: Call): Promise<void> {
  const username = nameOf(call);
  const folder = deviceFolderOf(call, username);
  const password = await passwordOf(call, `Password of ${username}: `);
  await withAccount(call, folder, async ({ client }) => {
    const me = await client.login({ username, password });
    keepAccount({ ...folder, username: me.username });
    tell(call, me, folder.url);
    await publishKeys(call, client);
  });
}

/** `sotto recover NAME`: a new password by the recovery code, on the device that is here. */
export async function recover(call: Call): Promise<void> {
  const username = nameOf(call);
  const folder = deviceFolderOf(call, username);
  const recoveryCode = await secretOf(call, 'recovery-code-file', `Recovery code of ${username}: `);
  const newPassword = await newPasswordOf(call, username);
  await withAccount(call, folder, async ({ client }) => {
    const recovered = await client.recover({ username, recoveryCode, newPassword });
    keepAccount({ ...folder, username: recovered.username });
    tell(call, recovered, folder.url, recovered.recoveryCode);
    await publishKeys(call, client);
  });
}

/** Typed twice: after a slip nobody could log in, and the code is used up. */
async function newPasswordOf(call: Call, username: string): Promise<string> {
  const password = await passwordOf(call, `New password for ${username}: `);
  const { asking, options } = call;
  if (options['password-file'] !== undefined || asking === undefined) return password;
  if (password === (await asking.secret('The same again: '))) return password;
  throw new CommandError('these were two: begin again', EXIT.usage);
}

/** `sotto whoami`: asks neither the platform nor the store, which another program may have open. */
export async function whoami(call: Call): Promise<void> {
  const { username, url } = accountOf(call);
  const { json } = call.options;
  call.output.out(json === true ? safeJson({ username, url }) : `${username} at ${url}`);
}

/** `sotto logout`. */
export async function logout(call: Call): Promise<void> {
  const folder = accountOf(call);
  await withAccount(call, folder, ({ client }) => client.logout());
  call.output.note(`${folder.username} is logged out; keys and messages are still here`);
}

/** Nobody can write to a device that has never been connected. */
async function publishKeys({ options, signal }: Call, client: Client): Promise<void> {
  await connectWithin(client, { timeoutMs: timeoutOf(options), signal });
}

/** The folder of the device that is here, or of a new one where that was said to be wanted. Throws a `CommandError`. */
function deviceFolderOf(call: Call, username: string): AccountFolder {
  const folder = folderOf(call, username);
  if (existsSync(storePathOf(folder)) || call.options['new-identity'] === true) return folder;
  throw new CommandError(
    `${username} has no device here: sotto link makes this one (sotto login --help)`,
    EXIT.refused,
  );
}

/** The folder that has this account already, on whatever platform, or the one for a new one. */
function folderOf(call: Call, username: string): AccountFolder {
  const url = urlOf(call);
  const known = matching(listAccounts(call.directory), { username, url });
  const [only, ...others] = known;
  if (others.length > 0) throw wrongCall(`${username} is on several servers: --url URL`);
  return only ?? prepareAccount(call.directory, { username, url: url ?? DEFAULT_URL });
}

function nameOf({ words }: Call): string {
  const [, name, ...rest] = words;
  if (name === undefined || rest.length > 0) throw wrongCall(`sotto ${words[0]} NAME`);
  return name;
}

function tell({ options, output }: Call, me: Me, url: string, recoveryCode?: string): void {
  const { username, user, device } = me;
  if (options.json === true) {
    const code = recoveryCode === undefined ? {} : { recoveryCode };
    output.out(safeJson({ username, user, device, url, ...code }));
    return;
  }
  output.note(`${safeLine(username)} is logged in at ${url}`);
  if (recoveryCode === undefined) return;
  output.note('Write this recovery code down, it is shown this once:');
  output.out(recoveryCode);
}
