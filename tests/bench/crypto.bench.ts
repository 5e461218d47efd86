/**
 * `npm run bench -- crypto`: this library beside others on the same work, in one run.
 *
 * Every implementation does a case in turns, round after round, so that a machine whose speed drifts does so
 * for all; the figure is the median of the rounds. Peers live in `crypto-peers/` with a lock file of their own.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nobleProvider } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import type { Implementation, Keeping } from './crypto/implementation.ts';
import { nodeAes } from './crypto/node-aes.ts';
import { sotto } from './crypto/sotto.ts';

export interface Result {
  case: string;
  implementation: string;
  /** Operations a second; megabytes (10⁶) a second where the case says MB/s. */
  ops_per_s: number | null;
  ratio_to_libsignal: number | null;
  note?: string;
}

/** One loop of a case: does `count` operations. */
type Loop = (count: number) => Promise<void>;

/** A case: makes an implementation's loop, or undefined when the implementation has no such thing. */
interface Case {
  name: string;
  /** What one operation counts for. */
  weight?: number;
  open(implementation: Implementation): Promise<Loop | undefined>;
}

const ROUNDS = 5;
const ROUND_MS = 400;
/** Ratchets accept at most this many unanswered messages in a row in some peers; far below every limit. */
const BURST = 500;
/** Large enough that the start of a file does not count. */
const FILE_BYTES = 32 * 1024 * 1024;
const PRIMITIVES = [
  'X25519 agreement',
  'Ed25519 signature made',
  'Ed25519 signature verified',
  'AEAD seal 1 KiB',
];
const PEERS = ['libsignal', 'proteus', 'olm', 'libsodium'];
const peersFolder = fileURLToPath(new URL('./crypto-peers/', import.meta.url));

/** Runs every case; a peer that does not install or load is named in a row without a figure. */
export async function run(): Promise<Result[]> {
  const { implementations, missing } = await loadImplementations();
  const results: Result[] = [];
  for (const { name, open, weight = 1 } of cases()) {
    const figures = await measure(implementations, open);
    const libsignal = figures.find(([peer]) => peer.startsWith('libsignal'))?.[1];
    for (const [implementation, perSecond] of figures) {
      results.push({
        case: name,
        implementation,
        ops_per_s: Math.round(perSecond * weight),
        ratio_to_libsignal: libsignal === undefined ? null : round(perSecond / libsignal),
      });
    }
  }
  return [...results, ...missing];
}

function cases(): Case[] {
  const listed: Case[] = [
    { name: 'session setup', open: async ({ setup }) => setup && times(setup) },
  ];
  for (const keeping of ['stored', 'held'] as const) {
    for (const size of [64, 1024]) {
      listed.push(oneWay(keeping, size));
    }
    listed.push(pingPong(keeping));
    listed.push(group(keeping));
  }
  return [...listed, file(), ...PRIMITIVES.map(primitive)];
}

function file(): Case {
  const content = new Uint8Array(FILE_BYTES).fill(0x61);
  return {
    name: 'file encryption, MB/s',
    weight: FILE_BYTES / 1e6,
    open: async ({ sealFile }) => sealFile && times(() => sealFile(content)),
  };
}

function primitive(name: string): Case {
  return {
    name,
    async open({ primitives }) {
      const operation = (await primitives?.())?.[name];
      return operation && times(operation);
    },
  };
}

/** Alice seals a burst, Bob opens it in order. One operation is one message sealed and opened. */
function oneWay(keeping: Keeping, size: number): Case {
  return {
    name: `encrypt and decrypt ${size} B in order, state ${keeping}`,
    async open({ openPair }) {
      const pair = await openPair?.(keeping);
      const plaintext = new Uint8Array(size).fill(0x61);
      return (
        pair &&
        (async (count) => {
          for (let done = 0; done < count; done += BURST) {
            const messages: unknown[] = [];
            for (let index = 0; index < Math.min(BURST, count - done); index++) {
              messages.push(await pair.aliceSeals(plaintext));
            }
            for (const message of messages) await pair.bobOpens(message);
          }
        })
      );
    },
  };
}

/** Each side seals and opens one message: two ratchet steps. One operation is one such round. */
function pingPong(keeping: Keeping): Case {
  return {
    name: `ping-pong round, state ${keeping}`,
    async open({ openPair }) {
      const pair = await openPair?.(keeping);
      const plaintext = new Uint8Array(64).fill(0x61);
      return (
        pair &&
        times(async () => {
          await pair.bobOpens(await pair.aliceSeals(plaintext));
          await pair.aliceOpens(await pair.bobSeals(plaintext));
        })
      );
    },
  };
}

function group(keeping: Keeping): Case {
  return {
    name: `group encrypt and decrypt 1024 B, state ${keeping}`,
    async open({ openGroup }) {
      const members = await openGroup?.(keeping);
      const plaintext = new Uint8Array(1024).fill(0x61);
      return members && times(async () => void (await members.open(await members.seal(plaintext))));
    },
  };
}

function times(operation: () => unknown): Loop {
  return async (count) => {
    for (let index = 0; index < count; index++) await operation();
  };
}

async function measure(
  implementations: readonly Implementation[],
  open: Case['open'],
): Promise<[string, number][]> {
  const loops: { name: string; loop: Loop; count: number; figures: number[] }[] = [];
  for (const implementation of implementations) {
    const loop = await open(implementation);
    if (loop)
      loops.push({ name: implementation.name, loop, count: await calibrate(loop), figures: [] });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const entry of loops) entry.figures.push(await perSecond(entry.loop, entry.count));
  }
  return loops.map(({ name, figures }) => [name, median(figures)]);
}

/** Warms up and finds how many operations fill a round. */
async function calibrate(loop: Loop): Promise<number> {
  let count = 1;
  for (;;) {
    const rate = await perSecond(loop, count);
    if (count / rate > ROUND_MS / 4000) return Math.max(1, Math.round((rate * ROUND_MS) / 1000));
    count *= 4;
  }
}

async function perSecond(loop: Loop, count: number): Promise<number> {
  const start = process.hrtime.bigint();
  await loop(count);
  return count / (Number(process.hrtime.bigint() - start) / 1e9);
}

async function loadImplementations(): Promise<{
  implementations: Implementation[];
  missing: Result[];
}> {
  installPeers();
  const implementations = [sotto(nodeProvider), sotto(nobleProvider), nodeAes];
  const missing: Result[] = [];
  for (const peer of PEERS) {
    try {
      const loaded: { implementation: Implementation } = await import(
        new URL(`./crypto-peers/${peer}.ts`, import.meta.url).href
      );
      implementations.push(loaded.implementation);
    } catch (error) {
      const note = error instanceof Error ? error.message.split('\n')[0]! : 'did not load';
      missing.push({
        case: 'all',
        implementation: peer,
        ops_per_s: null,
        ratio_to_libsignal: null,
        note,
      });
    }
  }
  return { implementations, missing };
}

/** The peers are no dependency of the platform: they are fetched when somebody measures. */
function installPeers(): void {
  if (existsSync(`${peersFolder}node_modules`)) return;
  try {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: peersFolder,
      stdio: 'inherit',
    });
  } catch {
    process.stderr.write('peers did not install; they are listed as missing\n');
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
