/** The demo's steps. Each can be played again: what a run has written already is found, not written twice. */
import { createHash } from 'node:crypto';
import type { ConversationRecord, Message } from '@sotto/client';
import type { Row } from './page.ts';
import { persist, until, within } from './patience.ts';
import type { Person } from './people.ts';
import type { Sighting } from './wire-tap.ts';

export interface Stage {
  readonly alice: Person;
  readonly bob: Person;
  /** Counts the demo's runs over the same accounts: what a run writes names it. */
  readonly run: number;
  /** Hidden in every text and file name of the run, so that a test can look for it on the server. */
  readonly canary: string;
  /** Aborts when the platform is gone. */
  readonly ended: AbortSignal;
}

export interface Step {
  readonly title: string;
  play(stage: Stage): Promise<Row[]>;
}

export const STORY: readonly Step[] = [
  { title: 'Alice and Bob have accounts, and keys that never leave their devices', play: meet },
  { title: 'Alice finds Bob and opens a conversation', play: open },
  { title: 'Alice writes, Bob reads: the session starts from his published keys', play: write },
  { title: 'Bob answers', play: answer },
  { title: 'Bob is offline, Alice writes on', play: writeOffline },
  { title: 'Bob comes back and catches up, in order', play: catchUp },
  { title: 'Alice sends a file', play: sendFile },
  { title: 'Alice and Bob compare safety numbers', play: compare },
  { title: 'Everything arrived', play: verify },
];

/** Some 7 MB: a file of more than one piece. */
const FILE_LINES = 120_000;

const words = {
  hello: (stage: Stage) => text(stage, 'Hello Bob! This is Alice.'),
  answer: (stage: Stage) => text(stage, 'Hi Alice, good to read you.'),
  offline: (stage: Stage) =>
    ['Are you there?', 'Then later.', 'I have a file for you.'].map((line) => text(stage, line)),
  fileName: (stage: Stage) => `plan ${stage.run}${stage.canary && ` ${stage.canary}`}.txt`,
};

function text({ run, canary }: Stage, line: string): string {
  return `${line} (run ${run}${canary && `, ${canary}`})`;
}

async function meet(stage: Stage): Promise<Row[]> {
  const rows: Row[] = [];
  for (const person of [stage.alice, stage.bob]) {
    const isNew = await persist(stage.ended, () => person.enter());
    const me = await person.client.me();
    rows.push({
      people: `${person.name} ${isNew ? 'registers as' : 'is back as'} ${person.username}`,
      server: `user ${me?.user}, device ${me?.device}; public keys only`,
    });
  }
  return rows;
}

async function open(stage: Stage): Promise<Row[]> {
  const { id } = await conversationOf(stage);
  return [{ people: 'Alice and Bob have a conversation', server: `conversation ${id}` }];
}

async function write(stage: Stage): Promise<Row[]> {
  return deliver(stage, stage.alice, stage.bob, [words.hello(stage)]);
}

async function answer(stage: Stage): Promise<Row[]> {
  return deliver(stage, stage.bob, stage.alice, [words.answer(stage)]);
}

async function writeOffline(stage: Stage): Promise<Row[]> {
  const conversation = await conversationOf(stage);
  await stage.bob.leave();
  const rows: Row[] = [{ people: 'Bob closes his client' }];
  for (const line of words.offline(stage)) {
    rows.push(await writeOnce(stage, stage.alice, conversation, line));
  }
  return rows;
}

async function catchUp(stage: Stage): Promise<Row[]> {
  const conversation = await conversationOf(stage);
  const lines = words.offline(stage);
  const read = await until(stage.ended, () => readTexts(stage.bob, conversation, lines));
  return read.map((line) => ({ people: `Bob reads “${line}”` }));
}

async function sendFile(stage: Stage): Promise<Row[]> {
  const conversation = await conversationOf(stage);
  const { alice, bob } = stage;
  const name = words.fileName(stage);
  const data = fileContent(stage);
  const steps: string[] = [];
  const onProgress = ({ done, total }: { done: number; total: number }) =>
    steps.push(`${Math.floor((100 * done) / total)} %`);
  if (!(await wrote(alice, conversation, (content) => fileNameOf(content) === name))) {
    const file = { name, type: 'text/plain', data };
    const send = () => alice.client.sendFile(conversation.id, file, { onProgress });
    const { id } = await persist(stage.ended, send);
    await within(stage.ended, alice.client.whenStored(id));
  }
  const message = await until(stage.ended, () => findFile(bob, conversation, name));
  const received = await persist(stage.ended, () => download(bob, message));
  assertEqual(digest(received), digest(data), 'the file that Bob has');
  return [
    {
      people: `Alice sends “${name}”, ${data.length} bytes`,
      server: seen(alice.wire.uploads.at(-1)),
    },
    { people: `On its way, encrypted and padded: ${steps.join(', ') || 'sent before this start'}` },
    {
      people: `Bob opens it: ${received.length} bytes, SHA-256 ${digest(received).slice(0, 16)}…, the same`,
    },
  ];
}

async function compare(stage: Stage): Promise<Row[]> {
  const { alice, bob } = stage;
  await conversationOf(stage);
  const numbers = [];
  for (const [one, other] of [[alice, bob] as const, [bob, alice] as const]) {
    const them = await until(stage.ended, () => one.client.findUser(other.username));
    numbers.push((await one.client.safetyNumber(them.user)).digits);
  }
  assertEqual(numbers[0]!, numbers[1]!, 'the safety number');
  const groups = numbers[0]!.replace(/.{5}(?=.)/g, '$& ');
  return [
    { people: groups, server: 'the public keys that this is made of; it cannot swap one unseen' },
    { people: 'Both see the same: nobody sits between them' },
  ];
}

async function verify(stage: Stage): Promise<Row[]> {
  const conversation = await conversationOf(stage);
  const forBob = [words.hello(stage), ...words.offline(stage)];
  const forAlice = [words.answer(stage)];
  await until(stage.ended, () => readTexts(stage.bob, conversation, forBob));
  await until(stage.ended, () => readTexts(stage.alice, conversation, forAlice));
  await until(stage.ended, () => findFile(stage.bob, conversation, words.fileName(stage)));
  return [
    {
      people: `${forBob.length + forAlice.length} messages and 1 file, each once and readable`,
      server: 'who wrote to whom, when, and how much; not one word',
    },
  ];
}

async function deliver(stage: Stage, from: Person, to: Person, lines: string[]): Promise<Row[]> {
  const conversation = await conversationOf(stage);
  const rows: Row[] = [];
  for (const line of lines) rows.push(await writeOnce(stage, from, conversation, line));
  const read = await until(stage.ended, () => readTexts(to, conversation, lines));
  return [...rows, ...read.map((line) => ({ people: `${to.name} reads “${line}”` }))];
}

async function writeOnce(
  stage: Stage,
  from: Person,
  conversation: ConversationRecord,
  line: string,
): Promise<Row> {
  const id =
    (await wrote(from, conversation, (content) => textOf(content) === line)) ??
    (await from.client.sendText(conversation.id, line)).id;
  const { seq } = await within(stage.ended, from.client.whenStored(id));
  const server = `message ${seq} is on disk: ${seen(from.wire.messages.get(id))}`;
  return { people: `${from.name} writes “${line}”`, server };
}

/** Both are connected, whichever step a start begins with. */
async function conversationOf(stage: Stage): Promise<ConversationRecord> {
  const { alice, bob } = stage;
  for (const person of [alice, bob]) await persist(stage.ended, () => person.enter());
  const found = await until(stage.ended, () => alice.client.findUser(bob.username));
  return persist(stage.ended, () => alice.client.openDirect(found.user));
}

type Content = Message['content'];
const textOf = (content: Content) => (content.type === 'text' ? content.text : undefined);
const fileNameOf = (content: Content) => (content.type === 'file' ? content.file.name : undefined);

/** The id of what a person has written before, sent or not. */
async function wrote(
  { client }: Person,
  { id }: ConversationRecord,
  matches: (content: Content) => boolean,
): Promise<Message['id'] | undefined> {
  const sent = (await messagesOf(client, id)).filter((message) => message.own);
  const all = [...sent, ...(await client.unsent(id))];
  return all.find(({ content }) => matches(content))?.id;
}

/** The texts once all of them are there, each once and in their order. */
async function readTexts(
  { client }: Person,
  { id }: ConversationRecord,
  lines: readonly string[],
): Promise<string[] | undefined> {
  const received = (await messagesOf(client, id)).filter((message) => !message.own);
  const read = received.map(({ content }) => textOf(content) ?? '');
  const ours = read.filter((line) => lines.includes(line));
  if (ours.length < lines.length) return undefined;
  assertEqual(ours.join('\n'), lines.join('\n'), 'what was read');
  return ours;
}

async function findFile(
  { client }: Person,
  { id }: ConversationRecord,
  name: string,
): Promise<Message | undefined> {
  const all = await messagesOf(client, id);
  return all.find(({ own, content }) => !own && fileNameOf(content) === name);
}

async function messagesOf(client: Person['client'], conversation: Message['conversation']) {
  const found: Message[] = [];
  let after = 0;
  for (;;) {
    const page = await client.history(conversation, { after });
    if (page.length === 0) return found;
    after = page.at(-1)!.seq;
    for (const item of page) {
      if (item.type === 'unreadable') throw new Error(`a message is unreadable: ${item.cause}`);
      if (item.type === 'message') found.push(item);
    }
  }
}

async function download({ client }: Person, message: Message): Promise<Uint8Array> {
  const { stream } = await client.openFile(message);
  return new Uint8Array(Buffer.concat(await Array.fromAsync(stream)));
}

function fileContent(stage: Stage): Uint8Array {
  const line = `${text(stage, 'The plan: meet at noon, by the old mill.')}\n`;
  return new TextEncoder().encode(line.repeat(FILE_LINES));
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function seen(sighting: Sighting | undefined): string {
  if (sighting === undefined) return 'encrypted bytes (sent before this start)';
  return `${sighting.bytes} encrypted bytes, ${sighting.start} …`;
}

function assertEqual(actual: string, expected: string, what: string): void {
  if (actual !== expected) throw new Error(`${what} is not what was sent`);
}
