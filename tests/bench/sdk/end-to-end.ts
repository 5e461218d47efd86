/**
 * Two clients that talk over a running platform: from the call that writes a message until the other one has it decrypted
 * and on its disk. Both run in this thread, so what either computes is in the figures.
 */
import { randomBytes } from 'node:crypto';
import { type Client, type ConversationRecord, createClient, type Store } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { percentile } from '../gateway/load.ts';

export interface EndToEnd {
  /** One after the other, as many under way as {@link UNDER_WAY_MAX}. */
  readonly messagesPerSecond: number;
  /** What a message costs the processor at both ends together, meanwhile, in microseconds. */
  readonly cpuUsPerMessage: number;
  /** From the moment that a message was due at this rate, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface EndToEndOptions {
  readonly url: string;
  readonly openStore: (name: string) => Store;
  /** How many are sent as fast as it goes. */
  readonly messages: number;
  /** How long messages are offered at `perSecond`. */
  readonly seconds: number;
  readonly perSecond: number;
}

interface Talk {
  readonly sender: Client;
  readonly conversation: ConversationRecord['id'];
  /** Resolves with the time, by `performance.now()`, when a text has arrived. */
  arrival(text: string): Promise<number>;
}

/** Enough to keep both ends and the platform busy; far below what the outbox takes. */
const UNDER_WAY_MAX = 512;

/** Code is compiled, sessions have turned over, the conversation is accepted. */
const WARM_UP = 500;

/** A message that takes longer is lost, and the measurement with it. */
const ARRIVAL_MS_MAX = 30_000;

/** Registers two accounts, has one write to the other, and closes both. Rejects when a message does not arrive. */
export async function measureEndToEnd(options: EndToEndOptions): Promise<EndToEnd> {
  const { url, openStore, messages, seconds, perSecond } = options;
  const names = ['writer', 'reader'].map((name) => `${name}${randomBytes(4).toString('hex')}`);
  const clients = names.map((name) => {
    return createClient({ url, store: openStore(name), provider: nodeProvider });
  });
  try {
    const talk = await beginTalk(clients as [Client, Client], names);
    await sendAll(talk, WARM_UP);
    const begun = performance.now();
    const usedBefore = process.cpuUsage();
    await sendAll(talk, messages);
    const used = process.cpuUsage(usedBefore);
    const messagesPerSecond = (messages / (performance.now() - begun)) * 1000;
    const latencies = await offer(talk, { seconds, perSecond });
    return {
      messagesPerSecond,
      cpuUsPerMessage: (used.user + used.system) / messages,
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
    };
  } finally {
    for (const client of clients) await client.close();
  }
}

/** Both connected, and one message each way: the reader has accepted the conversation. */
async function beginTalk(
  [sender, reader]: readonly [Client, Client],
  names: readonly string[],
): Promise<Talk> {
  const users: ConversationRecord['members'] = [];
  for (const [at, client] of [sender, reader].entries()) {
    const username = names[at]!;
    users.push((await client.register({ username, password: 'Correct-Horse-7' })).user);
    await client.connect();
  }
  const { id: conversation } = await sender.openDirect(users[1]!);
  const there = listen(reader);
  const back = listen(sender);
  const heard = there('how are you?');
  await sender.sendText(conversation, 'how are you?');
  await heard;
  const answered = back('well');
  await reader.sendText(conversation, 'well');
  await answered;
  return { sender, conversation, arrival: there };
}

function listen(client: Client): (text: string) => Promise<number> {
  const waiting = new Map<string, (at: number) => void>();
  client.on('message', ({ content }) => {
    if (content.type !== 'text') return;
    waiting.get(content.text)?.(performance.now());
    waiting.delete(content.text);
  });
  return (text) => {
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`'${text}' has not arrived`));
      const timer = setTimeout(late, ARRIVAL_MS_MAX);
      waiting.set(text, (at) => {
        clearTimeout(timer);
        resolve(at);
      });
    });
  };
}

/** As fast as it goes: the next one is written when one has arrived. */
async function sendAll({ sender, conversation, arrival }: Talk, count: number): Promise<void> {
  let next = 0;
  const run = randomBytes(4).toString('hex');
  const writers = Array.from({ length: UNDER_WAY_MAX }, async () => {
    while (next < count) {
      const text = `${run} message ${next++}`;
      const arrived = arrival(text);
      await sender.sendText(conversation, text);
      await arrived;
    }
  });
  await Promise.all(writers);
}

/** At a steady rate, whether the ones before have arrived or not. */
async function offer(
  { sender, conversation, arrival }: Talk,
  { seconds, perSecond }: Pick<EndToEndOptions, 'seconds' | 'perSecond'>,
): Promise<Float64Array> {
  const begun = performance.now();
  const took = Array.from({ length: seconds * perSecond }, async (_, at) => {
    const due = begun + (at * 1000) / perSecond;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    const text = `offered ${at} at ${begun}`;
    const arrived = arrival(text);
    await sender.sendText(conversation, text);
    return (await arrived) - due;
  });
  return new Float64Array(await Promise.all(took)).sort();
}
