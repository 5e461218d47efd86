/** The snippets of `docs/sdk.md`, word for word. A test runs them on the real platform and holds the two together. */
import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import {
  ApiError,
  type Client,
  ClientError,
  ConnectionError,
  type ConversationRecord,
  CryptoError,
  createClient,
  type Me,
  type Message,
} from '@sotto/client';
import { saveFile } from '@sotto/client/node';
import { openSealedSqliteStore, openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';

/** What an application shows to the person who uses it. */
export interface Screen {
  show(line: string): void;
  /** Asks, and waits for the answer. */
  confirm(question: string): Promise<boolean>;
}

export function openClient(url: string, file: string): Client {
  // Keys, messages and what is not sent yet. One store is one device of one account.
  const store = openSqliteStore(file);
  return createClient({ url, store, provider: nodeProvider });
}

export async function unlockClient(url: string, file: string, passphrase: string): Promise<Client> {
  // Another process may still have the store: this waits until it ends.
  const waitUntil = AbortSignal.timeout(30_000);
  const store = await openSealedSqliteStore(file, { passphrase }, { waitUntil });
  return createClient({ url, store, provider: nodeProvider });
}

export async function enter(client: Client, { show }: Screen): Promise<Me> {
  const known = await client.me();
  if (known !== undefined) return known;
  const me = await client.register({ username: 'alice', password: 'Correct-Horse-7' });
  show(`Write this down, it is shown once: ${me.recoveryCode}`);
  return me;
}

export async function comeBack(client: Client): Promise<void> {
  try {
    await client.login(); // by the device key
  } catch (error) {
    // Somebody has ended the session from elsewhere, or taken the device off.
    if (!(error instanceof ApiError) || error.code !== 'auth.challenge-wrong') throw error;
    await client.login({ username: 'alice', password: 'Correct-Horse-7' });
  }
  await client.connect();
}

export async function recover(client: Client, recoveryCode: string, { show }: Screen) {
  const newPassword = 'Battery-Staple-8';
  const me = await client.recover({ username: 'alice', recoveryCode, newPassword });
  show(`Write this down, it replaces the other code: ${me.recoveryCode}`);
}

export async function linkNewDevice(client: Client, { show }: Screen): Promise<void> {
  const link = await client.beginLink();
  show(link.code); // as a QR code, for no other eyes than the owner's
  const { username } = await link.completed;
  show(`This is a device of ${username} now`);
  await client.connect();
}

export async function approveNewDevice(client: Client, code: string, screen: Screen) {
  if (!(await screen.confirm('Shall the device that shows this code be one of yours?'))) return;
  const { device } = await client.completeLink(code);
  await client.renameDevice(device, 'Tablet');
}

export async function say(client: Client, username: string, text: string): Promise<void> {
  const found = await client.findUser(username);
  if (found === undefined) throw new Error(`there is no ${username}`);
  const { id: conversation } = await client.openDirect(found.user);
  const { id } = await client.sendText(conversation, text); // in the store: it will be sent
  await client.whenStored(id); // on the platform's disk
}

export async function readOn(client: Client, { show }: Screen): Promise<void> {
  try {
    for await (const { own, content, order } of client.messages()) {
      if (own || content.type !== 'text') continue;
      show(order === 'next' ? content.text : `${content.text} (something before it is missing)`);
    }
  } catch (error) {
    if (!(error instanceof ClientError && error.code === 'account.logged-out')) throw error;
    show('Reading goes on after the next log-in');
  }
}

export async function sendFilm(
  client: Client,
  conversation: ConversationRecord['id'],
  path: string,
  { show }: Screen,
): Promise<void> {
  const data = await openAsBlob(path); // read as it is sent; in a browser, a File
  const film = { name: basename(path), type: 'video/mp4', data };
  await client.sendFile(conversation, film, {
    onProgress: ({ done, total }) => show(`${Math.floor((100 * done) / total)} %`),
  });
}

export async function keepFilm(client: Client, message: Message, path: string): Promise<number> {
  const film = await client.openFile(message);
  const start = await film.read({ start: 0, end: Math.min(12, film.size) }); // any part of it
  await saveFile(film, path); // all of it, or nothing
  return start.length;
}

export function watch(client: Client, { show }: Screen): void {
  client.on('disconnected', ({ retryMs }) => {
    if (retryMs === undefined) show('Not connected, and not trying any more');
  });
  client.on('logged-out', () => show('The session has ended: log in again'));
  client.on('failed', ({ code }) => show(`A message was refused: ${code}`));
  client.on('identity-changed', ({ user }) => show(`${user} has other keys: compare numbers`));
  client.on('device-list-warning', ({ user, warning }) => show(`Devices of ${user}: ${warning}`));
  client.on('account-compromised', () => show('Somebody else has made keys for this account'));
  client.on('key-log-broken', ({ user }) => show(`The key log is broken for ${user ?? 'all'}`));
}

export async function meetAgain(client: Client, username: string, { confirm }: Screen) {
  const found = await client.findUser(username);
  if (found === undefined) return;
  const { digits } = await client.safetyNumber(found.user);
  if (await confirm(`Does ${username} see ${digits}, too?`))
    await client.acceptIdentity(found.user);
}

/** What there is to do about an error, in the four kinds that there are. */
export function adviceFor(error: unknown): string {
  if (error instanceof ConnectionError) return 'offline: try again later, nothing is lost';
  if (error instanceof CryptoError) return 'a key or a message is not sound: nothing was sent';
  if (error instanceof ClientError) return `see the table of codes: ${error.code}`;
  if (!(error instanceof ApiError)) return 'a bug';
  const { retryAfter } = error.options;
  if (retryAfter !== undefined) return `busy: try again in ${retryAfter} seconds`;
  return error.code === 'auth.credentials-wrong' ? 'ask for the password again' : error.code;
}
