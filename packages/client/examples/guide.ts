/** The snippets of `docs/sdk.md`, word for word. A test runs them on the real platform and holds the two together. */
import { openAsBlob } from 'node:fs';
import { writeFile } from 'node:fs/promises';
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
  type Store,
} from '@sotto/client';
import { exportBackup, makeRecoveryKey, restoreBackup } from '@sotto/client/backup';
import { saveFile } from '@sotto/client/node';
import { openSharedClient } from '@sotto/client/shared';
import { openSealedSqliteStore, openSqliteStore } from '@sotto/client/sqlite';
import { openWorkerClient } from '@sotto/client/worker';
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

export function openForMany(url: string, path: string): Promise<Client> {
  // One process runs the client, the others follow it. When it ends, another one goes on.
  return openSharedClient({ url, path });
}

export function openInPage(worker: Worker, url: string): Promise<Client> {
  return openWorkerClient(worker, { url, name: 'chat' }); // one more tab follows the first
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
  const { device } = await client.completeLink(code, { history: true });
  await client.renameDevice(device, 'Tablet');
}

export async function backUp(store: Store, file: string, { show }: Screen): Promise<void> {
  const words = makeRecoveryKey(); // once: they serve for all later backups, too
  show(`Write these down, nobody can tell you again: ${words}`);
  await writeFile(file, await exportBackup(store, words, { provider: nodeProvider }));
}

export async function comeBackFrom(
  backup: string,
  words: string,
  { url, file, password }: { url: string; file: string; password: string },
): Promise<Client> {
  const store = openSqliteStore(file); // a new one
  const options = { provider: nodeProvider };
  const { username } = await restoreBackup(store, words, await openAsBlob(backup), options);
  const client = createClient({ url, store, ...options });
  await client.login({ username, password }); // as a new device, which is to connect now
  return client;
}

export async function say(client: Client, username: string, text: string): Promise<void> {
  const found = await client.findUser(username);
  if (found === undefined) throw new Error(`there is no ${username}`);
  const { id: conversation } = await client.openDirect(found.user);
  const { id } = await client.sendText(conversation, text); // in the store: it will be sent
  await client.whenStored(id); // on the platform's disk
}

export async function foundChoir(client: Client, names: readonly string[]) {
  const found = await Promise.all(names.map((name) => client.findUser(name)));
  const members = found.flatMap((each) => (each === undefined ? [] : [each.user]));
  const { id } = await client.groups.create({ members, title: 'Choir' });
  await client.sendText(id, 'Tuesday at eight'); // one ciphertext for all of them
  return id;
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

export async function answer(client: Client, message: Message, { confirm }: Screen) {
  await client.markRead(message); // whoever wrote it hears of that, and so do our other devices
  await client.react(message, '👍');
  const sent = await client.sendText(message.conversation, 'at noon', { replyTo: message });
  await client.edit(sent, 'at one');
  if (await confirm('Shall we rather not meet?')) await client.deleteMessage(sent);
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

export async function ring(client: Client, until: AbortSignal, { show }: Screen): Promise<void> {
  for await (const { own } of client.each('message', { signal: until })) if (!own) show('Ding');
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
    await client.acceptIdentity(found.user, digits);
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

export async function answerRequests({ me, people }: Client, { confirm }: Screen): Promise<void> {
  const own = await me();
  for (const { conversation, members } of await people.requests()) {
    const others = members.filter((user) => user !== own?.user);
    const names = await Promise.all(others.map((user) => nameOf(people, user)));
    if (await confirm(`Talk with ${names.join(', ')}?`)) await people.accept(conversation);
    else await people.decline(conversation);
  }
}

/** Anybody may call themselves anything: the username is what tells two people apart. */
async function nameOf(people: Client['people'], user: Me['user']): Promise<string> {
  const [profile, { username }] = await Promise.all([people.profile(user), people.find(user)]);
  return profile?.name === undefined ? username : `${profile.name} (${username})`;
}

export async function dressUp(client: Client, portrait: Uint8Array): Promise<void> {
  const picture = { type: 'image/png', bytes: portrait };
  await client.people.setProfile({ name: 'Alice Ångström', picture });
}
