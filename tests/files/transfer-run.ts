/**
 * Files between people while everything on their way is killed: the file service, the gateway, the S3 server (where there
 * is one) and the people's own processes. What holds in the end: each file is where it was sent, byte by byte, and when
 * all is swept and the people are gone, there is no row, no object and no unfinished upload.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Chance, createChance } from '../chaos/chance.ts';
import { type Cluster, NO_LIMITS, startCluster, withClient } from '../cluster.ts';
import { waitFor } from '../daemon.ts';
import { digestOf, type LargeFile, writeLargeFile } from './large-file.ts';
import { type LeftOver, sweepLater } from './later-sweep.ts';
import type { ObjectStore } from './object-store.ts';
import { openPerson, type Person } from './person.ts';
import { findRemains, isNothing, type Remains } from './remains.ts';
import { startStriking } from './striking.ts';

export interface TransferRunOptions {
  seed: number;
  /** Each goes up once and down once. */
  files: number;
  /** Who send at one time, each to somebody else. */
  pairs: number;
  sizeMax: number;
  /** Between two kills, at least and at most. */
  pauseMs: { least: number; most: number };
  killsMax: number;
  withinMs: number;
  store: () => Promise<ObjectStore>;
  say?: (line: string) => void;
  /** Ends the run early, with all that it has started. */
  signal?: AbortSignal;
}

export interface TransferReport {
  files: number;
  bytes: number;
  seconds: number;
  /** By who was killed. */
  kills: Record<string, number>;
  /** Steps that broke off and were done again by an application. */
  retries: number;
  /** Uploads that went on where a client had been killed. */
  resumed: number;
  /** Bytes that came to the file service for each byte that was to be stored. */
  brought: number;
  /** Files that arrived as something else, and those that did not arrive. */
  damaged: number;
  missing: number;
  /** What belongs to no stored file, before and after the sweeper. */
  beforeSweep: LeftOver;
  afterSweep: LeftOver;
  /** After all accounts were deleted. */
  afterErasure: Remains;
}

/**
 * Does all of it on a platform of its own. The figures are for the caller to judge. Rejects when it takes too long, and
 * with the reason of the signal; nothing of it runs on then.
 */
export async function runTransfers(options: TransferRunOptions): Promise<TransferReport> {
  options.signal?.throwIfAborted();
  await using opened = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'sotto-transfers-'));
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  const store = await options.store();
  opened.defer(() => store.close());
  const cluster = await startCluster({ ...NO_LIMITS, ...store.environment });
  opened.defer(() => cluster.close());
  const chance = createChance(options.seed);
  const pairs: Pair[] = [];
  for (let number = 1; number <= options.pairs; number++) {
    const home = { url: cluster.url, directory };
    const sender = await openPerson(`sender${number}`, home);
    opened.defer(() => sender.close());
    const receiver = await openPerson(`receiver${number}`, home);
    opened.defer(() => receiver.close());
    pairs.push({ sender, receiver, files: [], arrived: new Map() });
    options.signal?.throwIfAborted();
  }
  const files: LargeFile[] = [];
  for (let number = 0; number < options.files; number++) {
    const size = 1 + chance.below(options.sizeMax);
    const file = await writeLargeFile(join(directory, `file-${number}`), { size, number });
    files.push(file);
    pairs[number % pairs.length]?.files.push(file);
  }
  return await transfer({ options, cluster, store, chance, pairs, directory });
}

interface Pair {
  sender: Person;
  receiver: Person;
  files: LargeFile[];
  /** Whether what came is what was sent, by name. */
  arrived: Map<string, boolean>;
}

interface Run {
  options: TransferRunOptions;
  cluster: Cluster;
  store: ObjectStore;
  chance: Chance;
  pairs: readonly Pair[];
  directory: string;
}

async function transfer(run: Run): Promise<TransferReport> {
  const { options, cluster, pairs } = run;
  const startedAt = performance.now();
  const people = pairs.flatMap(({ sender, receiver }) => [sender, receiver]);
  const striking = startStriking({ ...options, ...run, people });
  const transfers = pairs.flatMap((pair) => [
    sendAll(pair, options, striking.metAll),
    fetchAll(pair, run),
  ]);
  try {
    await within(options, Promise.all(transfers));
  } finally {
    await striking.stop();
  }
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
  options.say?.(`everything arrived after ${seconds} s; sweeping`);
  const files = pairs.flatMap((pair) => pair.files);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const brought = await countBrought(cluster);
  const swept = await sweepLater(cluster, SETTLE_MS);
  options.signal?.throwIfAborted();
  for (const person of people) await person.ask({ do: 'leave' });
  return {
    ...{ files: files.length, bytes, seconds, kills: striking.kills },
    retries: people.reduce((sum, person) => sum + person.retries(), 0),
    resumed: people.reduce((sum, person) => sum + person.resumed(), 0),
    brought: Math.round((brought / bytes) * 100) / 100,
    ...judge(pairs),
    ...swept,
    afterErasure: await settledRemains(cluster),
  };
}

/**
 * One after the other, as a person does; others send at the same time. The last one waits until each was killed once: a
 * quick machine would be done before.
 */
async function sendAll(
  { sender, receiver, files }: Pair,
  { withinMs: patienceMs }: TransferRunOptions,
  metAll: Promise<void>,
) {
  for (const { path } of files) {
    if (path === files.at(-1)?.path) await metAll;
    await sender.ask({ do: 'send', to: receiver.username, paths: [path], patienceMs });
  }
}

/** Until each file has come. One that its sender was not sure of comes twice, and is held to the same. */
async function fetchAll({ receiver, files, arrived }: Pair, { options, directory }: Run) {
  while (arrived.size < files.length) {
    const patienceMs = options.withinMs;
    const { saved } = await receiver.ask({ do: 'fetch', count: 1, directory, patienceMs });
    for (const { name, path } of saved) {
      const sent = files.find((file) => basename(file.path) === name);
      const isSame = sent !== undefined && sent.sha256 === (await digestOf(path));
      arrived.set(name, isSame && arrived.get(name) !== false);
      options.say?.(`${name} arrived${isSame ? '' : ' as something else'}`);
      rmSync(path);
    }
  }
}

function judge(pairs: readonly Pair[]): { damaged: number; missing: number } {
  const outcomes = pairs.flatMap(({ files, arrived }) => {
    return files.map(({ path }) => arrived.get(basename(path)));
  });
  return {
    damaged: outcomes.filter((isSame) => isSame === false).length,
    missing: outcomes.filter((isSame) => isSame === undefined).length,
  };
}

async function within(
  { withinMs, signal }: Pick<TransferRunOptions, 'withinMs' | 'signal'>,
  work: Promise<unknown>,
): Promise<void> {
  const { promise: ending, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not done within ${withinMs} ms`)), withinMs);
  const onAbort = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted) onAbort();
  try {
    await Promise.race([work, ending]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Every byte of every upload, also of those that were given up. */
async function countBrought({ environment }: Cluster): Promise<number> {
  let bytes = 0;
  await withClient(environment.DATABASE_URL ?? '', async (client) => {
    const { rows } = await client.query('select sum(bytes) as bytes from file.usage_days');
    bytes = Number(rows[0]?.bytes ?? 0);
  });
  return bytes;
}

async function settledRemains(cluster: Cluster): Promise<Remains> {
  const isEmpty = async () => isNothing(await findRemains(cluster));
  await waitFor(isEmpty, SETTLE_MS).catch(() => undefined);
  return findRemains(cluster);
}

/** However busy the machine is. */
const SETTLE_MS = 30_000;
