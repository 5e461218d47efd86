/**
 * Records the transcript of docs/websocket.md: `node scripts/launch.mjs scripts/transcript.ts [URL]`.
 *
 * Two new people talk through the platform at URL, `http://localhost:8080` when left out, and every frame of theirs is
 * written down. What they send is opaque bytes: the document is about how messages travel.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import {
  acceptConversation,
  type ClientFrame,
  type ConversationId,
  encodeBase64url,
} from '@sotto/api';
import type { z } from 'zod';
import { type Connection, connect } from './transcript/connection.ts';
import { openAccount, openConversation, type Person } from './transcript/person.ts';

const MARKED = /(?<=<!-- transcript -->\n).*?(?=<!-- \/transcript -->)/s;

const url = process.argv[2] ?? 'http://localhost:8080';
const lines = await record();
const target = new URL('../docs/websocket.md', import.meta.url);
const block = `\n\`\`\`text\n${lines.join('\n')}\n\`\`\`\n\n`;
writeFileSync(
  target,
  readFileSync(target, 'utf8').replace(MARKED, () => block),
);
console.log(`${lines.length} lines are in docs/websocket.md`);

interface Stage {
  conversation: ConversationId;
  alice: Person;
  bob: Person;
  /** A comment between the frames. */
  tell(text: string): void;
  join(person: Person, way: 'header' | 'ticket'): Promise<Connection>;
}

async function record(): Promise<string[]> {
  const written: string[] = [];
  const write = (line: string) => void written.push(line);
  const alice = await openAccount(url, 'Alice');
  const bob = await openAccount(url, 'Bob');
  const { id: conversation } = await openConversation(alice, bob);
  // To Bob she is a stranger: before he accepts, he hears no typing of hers, and she nothing of what he has read.
  await bob.call(
    acceptConversation,
    undefined,
    acceptConversation.path.replace('{id}', conversation),
  );
  const stage: Stage = {
    conversation,
    alice,
    bob,
    tell: (text) => write(`# ${text}`),
    join: (person, way) => connect({ url, person, way, write }),
  };
  stage.tell('Alice connects with her access token in a header, Bob with a ticket.');
  const hers = await stage.join(alice, 'header');
  const his = await stage.join(bob, 'ticket');
  await sendAndMend(stage, hers, his);
  await goAndComeBack(stage, hers, his);
  return written;
}

/** Refused, mended, stored, acknowledged, repeated, given up. */
async function sendAndMend(
  { conversation, bob, tell }: Stage,
  hers: Connection,
  his: Connection,
): Promise<void> {
  const say = sayIn(conversation);
  const nobody = randomUUID();
  const [first, second] = [makeId(), makeId()];

  tell(
    'She has a wrong device of his. The first is refused, the second for that alone; both go again.',
  );
  hers.send(say(1, first, { to: nobody, text: 'first' }));
  hers.send(say(2, second, { to: nobody, text: 'second' }));
  await hers.got('refused', 2);
  hers.send(say(1, first, { to: bob.device, text: 'first' }));
  hers.send(say(2, second, { to: bob.device, text: 'second' }));
  await hers.got('stored', 2);
  await his.reached(conversation, 2);

  tell('He acknowledges what he has on his disk. Within a second she hears of it.');
  his.send({ type: 'ack', conversation, seq: 2 });
  await hers.got('delivered', 1);

  tell('The second once more, as if she had not heard: it has its place already.');
  hers.send(say(3, second, { to: bob.device, text: 'second' }));
  await hers.got('stored', 3);

  tell(
    'Other content under that id is refused. She gives it up, and goes on with the next number.',
  );
  hers.send(say(4, second, { to: bob.device, text: 'something else' }));
  await hers.got('refused', 3);
  hers.send({ type: 'withdraw', conversation, number: 4 });
  hers.send(say(5, makeId(), { to: bob.device, text: 'third' }));
  await hers.got('stored', 4);
  await his.reached(conversation, 3);
}

/** Signals, a catch-up, and a second socket of one device. */
async function goAndComeBack(
  { conversation, alice, bob, tell, join }: Stage,
  hers: Connection,
  his: Connection,
): Promise<void> {
  tell('She watches him, and types.');
  hers.send({ type: 'watch', users: [bob.user] });
  await hers.got('presence', 1);
  hers.send({ type: 'ephemeral', conversation, ciphertext: opaque('typing') });
  await his.got('ephemeral', 1);

  tell('He goes, without having acknowledged the third. She sends one more.');
  await his.close();
  await hers.got('presence', 2);
  hers.send(sayIn(conversation)(6, makeId(), { to: bob.device, text: 'fourth' }));
  await hers.got('stored', 5);

  tell('He comes back: what he did not acknowledge comes again, and then what he missed.');
  const hisAgain = await join(bob, 'ticket');
  await hisAgain.reached(conversation, 4);
  hisAgain.send({ type: 'ack', conversation, seq: 4 });
  await hers.got('delivered', 2);

  tell('Her device connects once more: the older socket ends.');
  const another = await join(alice, 'header');
  await hers.ended;
  await Promise.all([another.close(), hisAgain.close()]);
}

/** Makes the frames of messages for one device. */
function sayIn(conversation: ConversationId) {
  return (number: number, id: string, { to, text }: { to: string; text: string }): Frame => {
    const recipients = [{ device: to, ciphertext: opaque(text) }];
    return { type: 'send', number, message: { kind: 'direct', id, conversation, recipients } };
  };
}

type Frame = z.input<typeof ClientFrame>;

function opaque(text: string): string {
  return encodeBase64url(new TextEncoder().encode(text));
}

/** A UUIDv7: the time in milliseconds, then chance. */
function makeId(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
