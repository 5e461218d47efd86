/**
 * Every point at which a client may die while it sends, receives, gives out keys, renews its tokens, links a device or is
 * linked: it dies there, lives again, and must have lost nothing, shown nothing twice, used no key with one nonce twice. To a
 * program that reads by `messages()` nothing was skipped, and only that came again on which a life ended.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Lives, openLives } from './lives.ts';
import { openScene, type Scene, type Task } from './scene.ts';
import type { Work } from './work.ts';

export interface CrashOptions {
  readonly url: string;
  readonly task: Task;
  /** Every which point is tried: 1 for all of them. */
  readonly every: number;
  /** The first of them. */
  readonly from: number;
}

export interface CrashReport {
  readonly task: Task;
  /** Points that were tried; behind the last one the work was done. */
  readonly deaths: number;
  /** What went wrong, in words. */
  readonly faults: readonly string[];
}

/** Work that takes more points than this goes round in circles. */
const POINTS_MAX = 1_000;

/** So many devices can be linked to an account in ten minutes: others play the next scene. */
const ROUNDS_LINKING = 10;
const LINKING: readonly Task[] = ['link', 'complete', 'send-stale'];

/** Dies at one point after the other, until a life is over before it comes to the next. */
export async function dieAtEachPoint(options: CrashOptions): Promise<CrashReport> {
  const { task, every, from } = options;
  const directory = mkdtempSync(join(tmpdir(), 'sotto crash '));
  const sealsPath = join(directory, 'seals');
  writeFileSync(sealsPath, '');
  const lives = openLives();
  const rounds = LINKING.includes(task) ? ROUNDS_LINKING : POINTS_MAX;
  const faults: string[] = [];
  let deaths = 0;
  try {
    for (let isOver = false; !isOver; ) {
      const point = from + deaths * every;
      const stage = { ...options, lives, sealsPath, directory: join(directory, `from ${point}`) };
      const played = await playScene(stage, { from: point, rounds });
      deaths += played.deaths;
      faults.push(...played.faults);
      isOver = played.deaths < rounds || from + deaths * every >= POINTS_MAX;
    }
    return { task, deaths, faults: [...faults, ...repeatedSeals(sealsPath)] };
  } finally {
    await lives.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Stage extends CrashOptions {
  readonly lives: Lives;
  readonly directory: string;
  readonly sealsPath: string;
}

/** Some deaths among the same people. Fewer than asked for: the work was done before the next point came. */
async function playScene(
  stage: Stage,
  { from, rounds }: { readonly from: number; readonly rounds: number },
): Promise<Omit<CrashReport, 'task'>> {
  mkdirSync(stage.directory);
  const scene = await openScene(stage);
  try {
    let deaths = 0;
    for (let point = from; deaths < rounds && point < POINTS_MAX; point += stage.every) {
      const isOver = await dieAndLiveOn(stage, scene, point);
      if (isOver) break;
      deaths += 1;
    }
    return { deaths, faults: await scene.judge() };
  } finally {
    await scene.close();
  }
}

/** True when the work was done before the point came. */
async function dieAndLiveOn({ lives, url, sealsPath }: Stage, scene: Scene, point: number) {
  const { work, onCode, after } = await scene.next(point);
  const live = (killAt: number) => {
    const given: Work = { ...work, url, killAt, sealsPath };
    return lives.live(given, onCode);
  };
  const first = await live(point);
  if (first === 'killed') await live(0);
  await after();
  return first !== 'killed';
}

function repeatedSeals(path: string): string[] {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  const pairs = lines.map((line) => line.split(' ')[0]);
  return pairs.length === new Set(pairs).size
    ? []
    : [`${pairs.length - new Set(pairs).size} keys were used with one nonce twice`];
}
