/**
 * Members of a group who stop reading while 100 MB are addressed to each: what that costs the others, what becomes of
 * their sockets, and whether everything is there when they come back. Run by `messages.bench.ts`, like `load.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Device } from './device.ts';
import { readPlace, tokens } from './platform.ts';

export interface StalledOutcome {
  p99_ms_before: number;
  p99_ms_while: number;
  /** How many stalled, and how many of them were cut off. */
  stalled: number;
  closed: number;
  /** Of those who came back, how many got every message, once and in order. */
  came_back: number;
  complete: number;
}

const MEMBERS = 200;
const MESSAGE_BYTES = 96 * 1024;
const MESSAGES = Math.ceil(100e6 / MESSAGE_BYTES);
/** Longer than a full socket is kept. */
const STALLED_MS = 25_000;
/** For those who are cut off to hear of it, and for those who come back to read everything. */
const PATIENCE_MS = 60_000;
/** All of them would read 20 GB. */
const RETURNING = 5;
/** Pairs who are in no group, and what each of them says in a second. */
const OTHERS = { from: 200, to: 220 };
const OTHERS_PER_SECOND = 10;
/** They take some 12 s, in which the pairs say 2 400 things: two dozen of them lie beyond a p99. */
const MESSAGES_BEFORE = 400;

const place = readPlace(process.ppid);
const token = tokens(place);

if (import.meta.main) {
  const outcome = await run();
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
  process.stdin.resume().once('end', () => process.exit());
}

async function run(): Promise<StalledOutcome> {
  const talk = await startTalk();
  const sender = await deviceOf(0).connect();
  // The same to members who are away, to compare with.
  await sendAll(sender, { from: 1, to: MESSAGES_BEFORE });
  const before = talk.takeP99();
  const members = Array.from({ length: MEMBERS - 1 }, (_, at) => deviceOf(at + 1));
  // Before they connect: what they have missed comes with the connection.
  const heard = members.map(listen);
  await Promise.all(members.map((member) => member.connect()));
  for (const member of members) member.stall();
  process.stdout.write('begin\n');
  const started = performance.now();
  await sendAll(sender, { from: MESSAGES_BEFORE + 1, to: MESSAGES_BEFORE + MESSAGES });
  const during = talk.takeP99();
  await sleep(Math.max(0, STALLED_MS - (performance.now() - started)));
  talk.stop();
  // Who does not read does not hear that it is over either.
  for (const member of members) member.goOn();
  await Promise.race([Promise.all(members.map((member) => member.gone)), sleep(PATIENCE_MS)]);
  const returning = heard.filter((_, at) => members[at]?.closed).slice(0, RETURNING);
  const returned = await Promise.all(returning.map(comeBack));
  return {
    p99_ms_before: before,
    p99_ms_while: during,
    stalled: members.length,
    closed: members.filter(({ closed }) => closed).length,
    came_back: returning.length,
    complete: returned.filter(Boolean).length,
  };
}

/** One after the other, a few under way. */
async function sendAll(sender: Device, { from, to }: { from: number; to: number }): Promise<void> {
  for (let mark = from; mark <= to; mark++) {
    sender.sendGroup(String(mark).padStart(12, '0').padEnd(MESSAGE_BYTES, 'x'));
    if (mark % 4 === 0) await sender.sync();
  }
  await sender.sync();
}

/** What somebody has read so far, over all their connections. */
interface Heard {
  user: number;
  next: number;
  inOrder: boolean;
  onAll: () => void;
}

function listen(device: Device, at: number): Heard {
  const heard = { user: at + 1, next: 1, inOrder: true, onAll: () => undefined };
  note(device, heard);
  return heard;
}

function note(device: Device, heard: Heard): void {
  device.onroom = (mark) => {
    // What was read and not acknowledged before the connection broke comes again.
    if (mark < heard.next) return;
    if (mark > heard.next) heard.inOrder = false;
    heard.next = mark + 1;
    if (mark === MESSAGES_BEFORE + MESSAGES) heard.onAll();
  };
}

/** Connects again and reads on; true when nothing is missing, and in order. */
async function comeBack(heard: Heard): Promise<boolean> {
  const device = deviceOf(heard.user);
  const all = new Promise<boolean>((resolve) => {
    heard.onAll = () => resolve(heard.inOrder);
  });
  note(device, heard);
  await device.connect();
  return Promise.race([all, sleep(PATIENCE_MS, false)]);
}

function deviceOf(user: number): Device {
  return new Device({ place, user, group: place.group, token: () => token(user) });
}

/** People whom all of this should not concern. */
async function startTalk() {
  const sentAt = new Map<number, number>();
  let latencies: number[] = [];
  let mark = 0;
  const people = await Promise.all(
    Array.from({ length: OTHERS.to - OTHERS.from }, (_, at) =>
      deviceOf(OTHERS.from + at).connect(),
    ),
  );
  for (const person of people) {
    person.onmsg = (heard) => latencies.push(performance.now() - (sentAt.get(heard) ?? 0));
  }
  const timer = setInterval(() => {
    people.forEach((person, at) => {
      mark += 1;
      sentAt.set(mark, performance.now());
      person.send((OTHERS.from + at) ^ 1, String(mark).padStart(12, '0').padEnd(300, 'x'));
    });
  }, 1000 / OTHERS_PER_SECOND);
  return {
    takeP99(): number {
      const sorted = latencies.toSorted((a, b) => a - b);
      latencies = [];
      return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
    },
    stop: () => clearInterval(timer),
  };
}
