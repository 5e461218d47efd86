/** The process of `courier.ts`: the SDK, as an application uses it, with its store in a file. */
import { openAsBlob } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type Client, ConnectionError, createClient, type Message } from '@sotto/client';
import { nodeFetch, saveFile } from '@sotto/client/node';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import type { Answer, Done, Work } from './work.ts';

const PASSWORD = 'Correct-h0rse';
const PAUSE_MS = 100;
const OPEN_MS = 60_000;
const LEAVE_MS = 60_000;

let client: Client | undefined;
let messages: AsyncGenerator<Message, void> | undefined;
let retries = 0;
let resumed = 0;

process.on('disconnect', () => process.exit(0));
process.on('message', async (work: Work) => {
  process.send?.(await answer(work));
});

async function answer(work: Work): Promise<Answer> {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  retries = 0;
  resumed = 0;
  try {
    const saved = await perform(work);
    const { user, system } = process.cpuUsage(before);
    const seconds = (performance.now() - startedAt) / 1000;
    return { done: { saved, retries, resumed, seconds, cpuSeconds: (user + system) / 1e6 } };
  } catch (error) {
    return { failed: error instanceof Error ? String(error.stack) : String(error) };
  }
}

async function perform(work: Work): Promise<Done['saved']> {
  switch (work.do) {
    case 'open':
      await open(work);
      return [];
    case 'send':
      await Promise.all(work.paths.map((path) => send(path, work)));
      return [];
    case 'fetch':
      return fetchFiles(work);
    case 'leave':
      await persist(LEAVE_MS, () => opened().deleteAccount(PASSWORD));
      return [];
    default:
      return work satisfies never;
  }
}

async function open({ url, store, username }: Work & { do: 'open' }): Promise<void> {
  client = createClient({
    ...{ url, store: openSqliteStore(store) },
    ...{ provider: nodeProvider, fetch: nodeFetch },
  });
  const own = client;
  if ((await own.me()) === undefined) {
    await persist(OPEN_MS, () => own.register({ username, password: PASSWORD }));
  }
  await persist(OPEN_MS, () => own.connect());
  messages = own.messages();
}

async function send(path: string, { to, patienceMs }: Work & { do: 'send' }): Promise<void> {
  const own = opened();
  const peer = await persist(patienceMs, () => own.findUser(to));
  if (peer === undefined) throw new Error(`there is no ${to}`);
  const { id: conversation } = await persist(patienceMs, () => own.openDirect(peer.user));
  const { id } = await persist(patienceMs, async () => {
    const data = await openAsBlob(path);
    const file = { name: basename(path), type: 'application/octet-stream', data };
    let isFirst = true;
    return own.sendFile(conversation, file, {
      onProgress({ done }) {
        if (isFirst && done > 0) resumed += 1;
        isFirst = false;
      },
    });
  });
  await own.whenStored(id);
}

/** A message counts as taken when the next one is asked for: a courier who dies before is given it again. */
async function fetchFiles({ count, ...rest }: Work & { do: 'fetch' }): Promise<Done['saved']> {
  const saved: Promise<Done['saved'][number]>[] = [];
  while (saved.length < count) {
    const { value: message } = (await messages?.next()) ?? {};
    if (message?.content.type !== 'file') continue;
    const saving = save(message, rest);
    saved.push(saving);
    if (count === 1) await saving;
  }
  return Promise.all(saved);
}

async function save(
  message: Message,
  { directory, patienceMs }: Pick<Work & { do: 'fetch' }, 'directory' | 'patienceMs'>,
): Promise<Done['saved'][number]> {
  const path = join(directory, message.id);
  const name = await persist(patienceMs, async () => {
    const file = await opened().openFile(message);
    await saveFile(file, path);
    return file.name;
  });
  return { name, path };
}

/** What an application does when a connection breaks: the same again, for a while. */
async function persist<T>(patienceMs: number, step: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (!isPassing(error) || Date.now() > deadline) throw error;
      retries += 1;
      await sleep(PAUSE_MS);
    }
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  return error instanceof ApiError && error.code === 'service.unavailable';
}

function opened(): Client {
  if (client === undefined) throw new Error('the courier was not opened');
  return client;
}
