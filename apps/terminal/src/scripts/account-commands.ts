/** Commands about the account: register, log in, who is it, log out. */
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
import { accountOf, type Call, DEFAULT_URL, passwordOf, urlOf, withAccount } from '../call.ts';
import { CommandError, EXIT, wrongCall } from '../exit-code.ts';
import { safeJson, safeLine } from '../safe-text.ts';

/** `sotto register NAME`. */
export async function register(call: Call): Promise<void> {
  const username = nameOf(call);
  const url = urlOf(call) ?? DEFAULT_URL;
  const folder = prepareAccount(call.directory, { username, url });
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
  const folder = folderOf(call, username);
  if (!existsSync(storePathOf(folder)) && call.options['new-identity'] !== true) {
    throw new CommandError(
      `${username} has no device here: sotto link makes this one (sotto login --help)`,
      EXIT.refused,
    );
  }
  const password = await passwordOf(call, `Password of ${username}: `);
  await withAccount(call, folder, async ({ client }) => {
    const me = await client.login({ username, password });
    keepAccount({ ...folder, username: me.username });
    tell(call, me, folder.url);
    await publishKeys(call, client);
  });
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

/** The folder that has this account already, on whatever platform, or the one for a new one. */
function folderOf(call: Call, username: string): AccountFolder {
  const url = urlOf(call);
  const known = matching(listAccounts(call.directory), { username, url });
  const [only, ...others] = known;
  if (others.length > 0) throw wrongCall(`${username} is on several platforms: --url URL`);
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
