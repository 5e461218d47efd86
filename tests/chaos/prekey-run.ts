/**
 * Many workers fetch bundles from several key services, of which one is killed every second and started again. What
 * holds meanwhile: no one-time prekey is given twice, all are given, and those of a device in the order of their ids.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type BundleCaller, openBundleCaller } from '../bundle-caller.ts';
import { openKeyServices, type SeededDevice } from '../key-service.ts';
import type { PlatformProcess } from '../platform-process.ts';

export interface PrekeyRunOptions {
  /** Answered fetches, at least. */
  fetches: number;
  devices: number;
  prekeysPerDevice: number;
  workers: number;
  processes: number;
  killEveryMs: number;
}

export interface PrekeyReport {
  fetches: number;
  seconds: number;
  kills: number;
  /** Fetches that ended without an answer. */
  cut: number;
  /** Answers other than 200. */
  refused: number;
  prekeys: number;
  /** Prekeys that somebody received. */
  received: number;
  /** Prekeys that left with an answer that was cut off. */
  lost: number;
  /** Prekeys that nobody was given. */
  left: number;
  twice: number;
  /** Prekeys that came with a lower id than one of the same device whose answer was complete before they were asked for. */
  disordered: number;
}

interface Receipt {
  device: string;
  id: number;
  askedAt: number;
  answeredAt: number;
}

/** Runs it; the figures are for the caller to judge. Rejects when a service does not start. */
export async function runPrekeys(options: PrekeyRunOptions): Promise<PrekeyReport> {
  const services = await openKeyServices();
  try {
    const processes = await Promise.all(
      Array.from({ length: options.processes }, () => services.start()),
    );
    const { devices: users, prekeysPerDevice } = options;
    const targets = await services.seed({ users, devicesPerUser: 1, prekeysPerDevice });
    const askers = await services.seed({ users: 16, devicesPerUser: 1, prekeysPerDevice: 0 });
    const tokens = askers.map(services.authorize);
    const state = { ...emptyState(), targets, tokens, processes };
    const startedAt = performance.now();
    const workers = Array.from({ length: options.workers }, (_, index) =>
      work(state, options, index),
    );
    const killing = kill(state, options, () => services.start());
    await Promise.all(workers);
    state.isOver = true;
    const kills = await killing;
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
    const { rows } = await services.database.query<{ left: string; issued: string }>(
      `select (select count(*) from one_time_prekeys) as left, (select count(*) from issued_prekeys) as issued`,
    );
    return report(state, {
      seconds,
      kills,
      left: Number(rows[0]?.left),
      issued: Number(rows[0]?.issued),
    });
  } finally {
    await services.close();
  }
}

interface State {
  targets: readonly SeededDevice[];
  tokens: readonly string[];
  processes: PlatformProcess[];
  receipts: Receipt[];
  answered: number;
  cut: number;
  refused: number;
  isOver: boolean;
}

function emptyState() {
  return { receipts: [] as Receipt[], answered: 0, cut: 0, refused: 0, isOver: false };
}

/** One worker: fetches until there were enough, from any process that answers. */
async function work(state: State, { fetches }: PrekeyRunOptions, index: number): Promise<void> {
  const { tokens } = state;
  let caller: BundleCaller | undefined;
  for (let turn = index; state.answered < fetches; turn++) {
    const target = targetOf(state, fetches, turn);
    const process = state.processes[turn % state.processes.length];
    if (target === undefined || process === undefined) throw new Error('nobody to ask');
    try {
      caller ??= await openBundleCaller(process.url);
    } catch {
      // That one is down just now; the next turn asks another.
      await sleep(5);
      continue;
    }
    const askedAt = performance.now();
    try {
      const { status, body } = await caller.fetch(target.user, tokens[index % tokens.length] ?? '');
      note(state, { status, body, askedAt });
    } catch {
      state.cut++;
      caller.close();
      caller = undefined;
    }
  }
  caller?.close();
}

/** A few devices at a time, one after the other over the whole run, so that prekeys leave as long as it lasts. */
function targetOf({ targets, answered }: State, fetches: number, turn: number) {
  const first = Math.floor((answered / fetches) * targets.length);
  return targets[Math.min(first + (turn % TARGETS_AT_ONCE), targets.length - 1)];
}

const TARGETS_AT_ONCE = 4;

function note(state: State, answer: { status: number; body: string; askedAt: number }): void {
  state.answered++;
  if (answer.status !== 200) {
    state.refused++;
    return;
  }
  const { devices } = JSON.parse(answer.body) as {
    devices: { device: string; oneTimePrekey?: { id: number } }[];
  };
  for (const { device, oneTimePrekey } of devices) {
    if (oneTimePrekey === undefined) continue;
    const { askedAt } = answer;
    state.receipts.push({ device, id: oneTimePrekey.id, askedAt, answeredAt: performance.now() });
  }
}

/** Kills the one that runs longest, as long as it is not the last. Another one starts in its place, in its own time. */
async function kill(
  state: State,
  { killEveryMs }: PrekeyRunOptions,
  start: () => Promise<PlatformProcess>,
): Promise<number> {
  const starting: Promise<void>[] = [];
  const restart = async () => {
    state.processes.push(await start());
  };
  let kills = 0;
  while (!state.isOver) {
    await sleep(killEveryMs);
    const [oldest, ...others] = state.processes;
    if (state.isOver || oldest === undefined || others.length === 0) continue;
    state.processes = others;
    await oldest.kill();
    kills++;
    starting.push(restart());
  }
  await Promise.all(starting);
  return kills;
}

function report(
  { receipts, answered, cut, refused }: State,
  {
    seconds,
    kills,
    left,
    issued,
  }: { seconds: number; kills: number; left: number; issued: number },
): PrekeyReport {
  const distinct = new Set(receipts.map(({ device, id }) => `${device} ${id}`));
  return {
    ...{ fetches: answered, seconds, kills, cut, refused },
    prekeys: left + issued,
    received: receipts.length,
    lost: issued - distinct.size,
    left,
    twice: receipts.length - distinct.size,
    disordered: countDisorder(receipts),
  };
}

/** Two fetches under way at one time may come in any order; one that began after another's answer must not be before it. */
function countDisorder(receipts: readonly Receipt[]): number {
  let disordered = 0;
  for (const own of Map.groupBy(receipts, ({ device }) => device).values()) {
    const byAnswer = own.toSorted((a, b) => a.answeredAt - b.answeredAt);
    let highest = 0;
    let next = 0;
    for (const { id, askedAt } of own.toSorted((a, b) => a.askedAt - b.askedAt)) {
      for (; (byAnswer[next]?.answeredAt ?? Number.POSITIVE_INFINITY) < askedAt; next++) {
        highest = Math.max(highest, byAnswer[next]?.id ?? 0);
      }
      if (id < highest) disordered++;
    }
  }
  return disordered;
}
