/**
 * Loads a platform that another process has started, and tells it what came of it: `begin` when the clock starts, then
 * the figures. In a process of its own, so that the platform's processor time can be told from the load's.
 *
 * The same loops as a harness of many servers drives; here they are in few words, for a look at the platform alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Device } from './device.ts';
import { readPlace, tokens } from './platform.ts';

/** What a loop is asked for: messages for each second, devices, or messages, whatever it counts. */
export interface Job {
  loop: 'closed' | 'open' | 'fanout' | 'offline' | 'idle';
  seconds: number;
  amount: number;
}

export interface Outcome {
  count: number;
  seconds: number;
  p50_ms?: number;
  p99_ms?: number;
}

const PAYLOAD = 'abcdefghijklmnopqrstuvwxyz0123456789'.repeat(8);
const USERS = 200;
const WARM_UP_MS = 1_500;
const CONNECTING_AT_ONCE = 50;

const place = readPlace(process.ppid);
const token = tokens(place);

const loops: Record<Job['loop'], (job: Job) => Promise<Outcome>> = {
  closed,
  open,
  fanout,
  offline,
  idle,
};

if (import.meta.main) {
  const job: Job = JSON.parse(process.argv[2] ?? '');
  const outcome = await loops[job.loop](job);
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
  // The sockets stay open until they have been looked at.
  process.stdin.resume().once('end', () => process.exit());
}

/** One message of each pair is under way, and comes back when it has arrived. */
async function closed({ seconds }: Job): Promise<Outcome> {
  const devices = await connect(USERS);
  const clock = createClock();
  devices.forEach((device, user) => {
    device.onmsg = (mark) => {
      clock.arrived(mark);
      device.send(user ^ 1, payload(clock.sent()));
    };
  });
  for (let user = 0; user < USERS; user += 2) devices[user]?.send(user + 1, payload(clock.sent()));
  return clock.measure(seconds);
}

/** So many in a second, whether they arrive or not. */
async function open({ seconds, amount }: Job): Promise<Outcome> {
  const devices = await connect(USERS);
  const clock = createClock();
  for (const device of devices) device.onmsg = (mark) => clock.arrived(mark);
  const started = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (; sent < ((performance.now() - started) * amount) / 1000; sent++) {
      // 7 and 200 share no factor, so everybody writes in turn.
      const user = (sent * 7) % USERS;
      devices[user]?.send(user ^ 1, payload(clock.sent()));
    }
  }, 1);
  const outcome = await clock.measure(seconds);
  clearInterval(timer);
  return outcome;
}

/** One member of a group of 200 writes; so many messages are under way until the last member has them. */
async function fanout({ seconds, amount }: Job): Promise<Outcome> {
  const devices = await connect(USERS);
  const clock = createClock();
  const [sender] = devices;
  const missing = new Map<number, number>();
  const fire = () => {
    const mark = clock.sent();
    missing.set(mark, USERS);
    sender?.sendGroup(payload(mark));
  };
  for (const device of devices) {
    device.onroom = (mark) => {
      const left = (missing.get(mark) ?? 0) - 1;
      missing.set(mark, left);
      clock.delivered();
      if (left > 0) return;
      missing.delete(mark);
      clock.arrived(mark);
      fire();
    };
  }
  for (let i = 0; i < amount; i++) fire();
  return clock.measure(seconds);
}

/** Messages wait for somebody who is away; the time from the connection to the last of them counts. */
async function offline({ amount }: Job): Promise<Outcome> {
  const [sender] = await connect(1);
  const clock = createClock();
  for (let sent = 1; sent <= amount; sent++) {
    sender?.send(100, payload(clock.sent()));
    if (sent % 100 === 0) await sender?.sync();
  }
  await sender?.sync();
  const drained = new Device({ place, user: 100, token: () => token(100) });
  begin();
  const started = performance.now();
  let count = 0;
  await new Promise<void>((resolve) => {
    drained.onmsg = () => {
      count += 1;
      if (count === amount) resolve();
    };
    void drained.connect();
  });
  return { count, seconds: (performance.now() - started) / 1000 };
}

/** Sockets that say nothing. They stay open while the platform's memory is looked at. */
async function idle({ amount, seconds }: Job): Promise<Outcome> {
  const warm = await connect(20);
  for (const device of warm) device.close();
  await sleep(WARM_UP_MS);
  begin();
  const started = performance.now();
  const devices = await connect(amount);
  const connected = (performance.now() - started) / 1000;
  await sleep(seconds * 1000);
  return { count: devices.filter((device) => !device.closed).length, seconds: connected };
}

async function connect(count: number): Promise<Device[]> {
  const devices: Device[] = [];
  const waiting = Array.from({ length: count }, (_, user) => user).values();
  const work = async () => {
    for (const user of waiting) {
      const { group } = place;
      const device = new Device({ place, user, group, token: () => token(user) });
      devices[user] = await device.connect();
    }
  };
  await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, work));
  return devices;
}

function payload(mark: number): string {
  return String(mark).padStart(12, '0') + PAYLOAD;
}

function begin(): void {
  process.stdout.write('begin\n');
}

/** Times messages by their marks. */
function createClock() {
  const sentAt = new Map<number, number>();
  const latencies: number[] = [];
  let next = 1;
  let deliveries = 0;
  let isMeasuring = false;
  return {
    /** The mark of a message that is sent now. */
    sent(): number {
      sentAt.set(next, performance.now());
      return next++;
    },
    arrived(mark: number): void {
      const then = sentAt.get(mark);
      sentAt.delete(mark);
      if (isMeasuring && then !== undefined) latencies.push(performance.now() - then);
    },
    /** One of several arrivals of a message. */
    delivered(): void {
      if (isMeasuring) deliveries += 1;
    },
    async measure(seconds: number): Promise<Outcome> {
      await sleep(WARM_UP_MS);
      isMeasuring = true;
      begin();
      const started = performance.now();
      await sleep(seconds * 1000);
      isMeasuring = false;
      const took = (performance.now() - started) / 1000;
      const sorted = Float64Array.from(latencies).toSorted();
      const place = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
      const count = deliveries > 0 ? deliveries : latencies.length;
      return { count, seconds: took, p50_ms: place(0.5), p99_ms: place(0.99) };
    },
  };
}
