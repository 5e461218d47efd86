/**
 * Whatever a network does to the messages of two devices, each one that arrives decrypts exactly once.
 * A failing schedule is printed with its seed, and shrunk. Two test files share the work, because
 * files run side by side.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import { CryptoError } from './errors.ts';
import {
  aliceAddress,
  bobAddress,
  bundleOf,
  type ClassicRecord,
  decrypt,
  encrypt,
  makeParty,
  now,
  type Party,
} from './parties.fixture.ts';
import { type VerifiedBundle, verifyBundle } from './prekeys.ts';
import { fastProvider as provider, runs } from './providers.fixture.ts';
import { startSession } from './session.ts';

/** Messages of one schedule. */
export const MESSAGES = 200;
/** Schedules of each of the two test files: with `SLOW=1` ten times as many. */
const SCHEDULES = 500;
const alice = makeParty(provider, aliceAddress);
const bob = makeParty(provider, bobAddress);
const bundles = new Map<Party, VerifiedBundle>([
  [alice, verifyBundle(provider, bundleOf(alice))],
  [bob, verifyBundle(provider, bundleOf(bob))],
]);

/** What a device does with its record between two messages. */
type Keep = (record: ClassicRecord) => ClassicRecord;

/** What happens to one message: 16 bits, of which zero is the dullest. */
interface Fate {
  readonly sender: 0 | 1;
  readonly dropped: boolean;
  /** After how many further messages each copy arrives. */
  readonly arrivals: readonly number[];
}

interface InFlight {
  readonly to: 0 | 1;
  readonly at: number;
  readonly number: number;
  readonly message: Uint8Array;
}

/** Tries random schedules with devices that keep their records in this way. */
export function checkSchedules(keep: Keep): void {
  const schedule = fc.uint16Array({ minLength: MESSAGES, maxLength: MESSAGES });
  const property = fc.property(schedule, (fates) => play(fates, keep));
  fc.assert(property, { numRuns: runs(SCHEDULES) });
}

function readFates(schedule: Uint16Array): Fate[] {
  let sender: 0 | 1 = 0;
  return Array.from(schedule, (bits) => {
    if ((bits & 0x3) === 0x3) sender = sender === 0 ? 1 : 0;
    const kind = (bits >> 2) & 0x7;
    const delay = (bits >> 5) & 0x1f;
    const second = (bits >> 10) & 0x3f;
    const first = kind === 2 || kind === 3 ? delay : 0;
    return { sender, dropped: kind === 1, arrivals: kind === 4 ? [delay, second] : [first] };
  });
}

/** Two devices that know nothing of each other but bundles; either may be first to send. */
function makeNetwork(keep: Keep) {
  const parties = [alice, bob].map((party) => ({
    ...party,
    oneTimePrekeys: [...party.oneTimePrekeys],
  })) as [Party, Party];
  const records: (ClassicRecord | undefined)[] = [undefined, undefined];
  const originals = [alice, bob] as const;

  const send = (from: 0 | 1, number: number): Uint8Array => {
    const to = originals[from === 0 ? 1 : 0];
    records[from] ??= startSession(parties[from].deps, {
      local: parties[from].local,
      remoteAddress: to.local.address,
      bundle: bundles.get(to)!,
      pinnedIdentity: undefined,
      now,
    });
    const sent = encrypt(to, records[from], Uint8Array.of(number));
    records[from] = keep(sent.record);
    return sent.message;
  };

  const receive = (to: 0 | 1, message: Uint8Array): number => {
    const from = originals[to === 0 ? 1 : 0];
    const received = decrypt(parties[to], from, { record: records[to], message });
    records[to] = keep(received.record);
    return received.plaintext[0]!;
  };
  return { send, receive };
}

function play(schedule: Uint16Array, keep: Keep): void {
  const network = makeNetwork(keep);
  const seen = new Set<number>();
  let inFlight: InFlight[] = [];
  const deliverUntil = (time: number) => {
    const due = inFlight.filter(({ at }) => at <= time).sort((a, b) => a.at - b.at);
    inFlight = inFlight.filter(({ at }) => at > time);
    for (const { to, number, message } of due) {
      if (seen.has(number)) {
        expect(() => network.receive(to, message)).toThrow(CryptoError);
      } else {
        seen.add(number);
        if (network.receive(to, message) !== number) throw new Error('another plaintext');
      }
    }
  };
  for (const [number, { sender, dropped, arrivals }] of readFates(schedule).entries()) {
    const message = network.send(sender, number);
    const to = sender === 0 ? 1 : 0;
    if (!dropped) {
      inFlight.push(
        ...arrivals.map((delay) => ({ to, at: number + delay, number, message }) as const),
      );
    }
    deliverUntil(number);
  }
  deliverUntil(Number.POSITIVE_INFINITY);
}
