/** What the screenshots show: a few people, what they have said to each other this afternoon, and one of them to look over the shoulder of. */
import {
  type Client,
  type ConversationView,
  createClient,
  openMemoryStore,
  type Sent,
} from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import type { Browser } from 'playwright-core';
import { LANDSCAPES, type Landscape, paint } from './pictures.ts';

type ConversationId = ConversationView['id'];

/** Everybody's; on a platform that lives for a minute. */
const PASSWORD = 'a rather long passphrase';
const MINUTE_MS = 60_000;
const PICTURE = { width: 256, height: 256 };
const PHOTO = { width: 1200, height: 800 };
/** A thumbnail has 8 KiB at most. */
const THUMBNAIL = { width: 288, height: 192 };
const WAIT_MS = 30_000;

/** Somebody of the scene. */
interface Person {
  readonly client: Client;
  readonly user: ConversationView['members'][number];
}

/** The scene once everything was said. */
export interface Scene {
  /** Whose devices the browsers become. */
  readonly mira: Client;
  readonly group: ConversationId;
  readonly jonas: ConversationId;
  readonly samir: ConversationId;
  /** With whom a safety number is shown. */
  readonly jonasUser: Person['user'];
  /** Says one more thing, which brings keys to the browsers: without any, nobody is seen to write. */
  goOn(): Promise<void>;
  /** Shows somebody writing in the group. */
  showTyping(): Promise<void>;
  close(): Promise<void>;
}

/** Lets them meet and talk. The clocks of all of them say what the platform's does, less how long ago it is said to be. */
export async function playScene(url: string, browser: Browser): Promise<Scene> {
  let minutesAgo = 190;
  const clock = () => Date.now() - minutesAgo * MINUTE_MS;
  const people: Client[] = [];
  const enter = async (username: string, name: string, landscape?: Landscape): Promise<Person> => {
    // A signed request of three hours ago would be refused.
    const client = createClient({
      ...{ url, clock, proofs: false },
      ...{ store: openMemoryStore(), provider: nodeProvider },
    });
    people.push(client);
    const { user } = await client.register({ username, password: PASSWORD });
    const bytes = landscape && (await paint(browser, landscape, PICTURE));
    const picture = bytes && { picture: { type: 'image/jpeg', bytes } };
    await client.people.setProfile({ name, ...picture });
    await client.connect();
    return { client, user };
  };
  const mira = await enter('mira', 'Mira Okafor', LANDSCAPES.meadow);
  await nameDevice(mira.client, 'Work laptop');
  const jonas = await enter('jonas', 'Jonas Lind', LANDSCAPES.sea);
  const aiko = await enter('aiko', 'Aiko Tanaka', LANDSCAPES.dusk);
  const samir = await enter('samir', 'سمير حداد');
  const cast = { mira, jonas, aiko, samir };
  const pass = (minutes: number) => {
    minutesAgo = Math.max(0, minutesAgo - minutes);
  };
  const { withJonas, withSamir } = await talkInTwos(cast, pass);
  const group = await talkInGroup(cast, { browser, pass });
  const noor = await enter('noor', 'Noor Visser');
  const withNoor = await noor.client.openDirect(mira.user);
  await say(noor, withNoor.id, 'Hello Mira, we met at the hut. You wanted the recipe?');
  minutesAgo = 0;
  return {
    mira: mira.client,
    group,
    jonas: withJonas,
    samir: withSamir,
    jonasUser: jonas.user,
    goOn: async () => void (await say(aiko, group, 'I bake something for the top 🍰')),
    showTyping: () => aiko.client.typing(group),
    close: async () => void (await Promise.all(people.map((client) => client.close()))),
  };
}

type Cast = Readonly<Record<'mira' | 'jonas' | 'aiko' | 'samir', Person>>;
type Pass = (minutes: number) => void;

async function talkInTwos(
  { mira, jonas, aiko, samir }: Cast,
  pass: Pass,
): Promise<{ withJonas: ConversationId; withSamir: ConversationId }> {
  const withSamir = await meet(samir, mira);
  await read(mira, withSamir, await say(samir, withSamir, 'مساء الخير! هل وصلت الصور؟'));
  pass(4);
  await read(samir, withSamir, await say(mira, withSamir, 'نعم، شكراً لك 🌿'));
  pass(21);
  const withAiko = await meet(aiko, mira);
  const tickets = 'The tickets are booked. Window seats!';
  await read(mira, withAiko, await say(aiko, withAiko, tickets));
  pass(9);
  const withJonas = await meet(jonas, mira);
  await read(mira, withJonas, await say(jonas, withJonas, 'Did you get home all right?'));
  pass(2);
  const answer = await say(
    mira,
    withJonas,
    'Just now. The train waited twenty minutes for nothing',
  );
  await jonas.client.react(await lineOf(jonas, withJonas, answer), '🚂');
  const thanks = 'Thank you for dinner, it was lovely';
  await read(jonas, withJonas, await say(mira, withJonas, thanks));
  pass(11);
  await say(jonas, withJonas, 'Any time. I still have your umbrella');
  return { withJonas, withSamir };
}

async function talkInGroup(
  { mira, jonas, aiko, samir }: Cast,
  { browser, pass }: { readonly browser: Browser; readonly pass: Pass },
): Promise<ConversationId> {
  const members = [jonas.user, aiko.user, samir.user];
  const { id } = await mira.client.groups.create({ members, title: 'Sunday hike 🥾' });
  // They know her, so she needs not ask.
  for (const { client } of [jonas, aiko, samir]) {
    await until(async () => (await client.conversations()).some((one) => one.id === id));
  }
  pass(20);
  const plan = await say(mira, id, 'Who is in for the ridge on Sunday? The weather looks kind.');
  await jonas.client.react(await lineOf(jonas, id, plan), '🙌');
  await aiko.client.react(await lineOf(aiko, id, plan), '🙌');
  pass(6);
  await say(aiko, id, 'Me! I was up there last week, look at this:');
  const data = new Blob([await paint(browser, LANDSCAPES.dawn, PHOTO)]);
  const thumbnail = {
    type: 'image/jpeg',
    bytes: await paint(browser, LANDSCAPES.dawn, THUMBNAIL),
  };
  const file = { name: 'ridge-at-dawn.jpg', type: 'image/jpeg', data, thumbnail };
  const photo = await aiko.client.sendFile(id, file);
  await aiko.client.whenStored(photo.id);
  await mira.client.react(await lineOf(mira, id, photo), '😍');
  await samir.client.react(await lineOf(samir, id, photo), '😍');
  await jonas.client.react(await lineOf(jonas, id, photo), '🏔️');
  pass(14);
  await say(samir, id, 'أنا قادم! متى نلتقي؟');
  pass(3);
  const ask = await say(jonas, id, 'Which train do we take? I can bring the stove and coffee.');
  pass(2);
  const train = await lineOf(mira, id, ask);
  await say(mira, id, 'The 7:42 from platform 3. I have the map', { replyTo: train });
  const coffee = await say(mira, id, 'And yes to coffee ☕');
  for (const person of [jonas, aiko, samir]) await read(person, id, coffee);
  pass(12);
  await read(mira, id, await say(jonas, id, 'Perfect, see you on the platform'));
  return id;
}

async function nameDevice(client: Client, name: string): Promise<void> {
  const me = await client.me();
  if (me !== undefined) await client.renameDevice(me.device, name);
}

/** Begins a conversation that the other one has accepted. */
async function meet(one: Person, other: Person): Promise<ConversationId> {
  const { id } = await one.client.openDirect(other.user);
  await acceptIn(other.client, id);
  return id;
}

async function acceptIn(client: Client, id: ConversationId): Promise<void> {
  await until(async () =>
    (await client.people.requests()).some(({ conversation }) => conversation === id),
  );
  await client.people.accept(id);
}

async function say(
  { client }: Person,
  conversation: ConversationId,
  text: string,
  options?: Parameters<Client['sendText']>[2],
): Promise<Sent> {
  const sent = await client.sendText(conversation, text, options);
  await client.whenStored(sent.id);
  return sent;
}

/** A message of somebody else, once it has come. */
async function lineOf({ client }: Person, conversation: ConversationId, { id }: Sent) {
  for (let line: { target: Parameters<Client['react']>[0] } | undefined; ; ) {
    await until(async () => {
      const items = await client.history(conversation);
      const item = items.find((one) => one.type === 'message' && one.id === id);
      if (item?.type === 'message') line = { target: item };
      return line !== undefined;
    });
    if (line !== undefined) return line.target;
  }
}

/** Reads up to a message, once it has come. */
async function read(person: Person, conversation: ConversationId, sent: Sent): Promise<void> {
  await person.client.markRead(await lineOf(person, conversation, sent));
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + WAIT_MS;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error('the scene has stopped: nobody answers');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
