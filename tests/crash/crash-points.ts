/**
 * Every point at which a client may die while it sends, receives, gives out keys, renews its tokens, links a device or is
 * linked: it dies there, lives again, and must have lost nothing, shown nothing twice, used no key with one nonce twice. To a
 * program that reads by `messages()` nothing was skipped, and only that came again on which a life ended.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** Dies at one point after the other, until a life is over before it comes to the next. */
export async function dieAtEachPoint({
  url,
  task,
  every,
  from,
}: CrashOptions): Promise<CrashReport> {
  const directory = mkdtempSync(join(tmpdir(), 'sotto crash '));
  const sealsPath = join(directory, 'seals');
  writeFileSync(sealsPath, '');
  const lives = openLives();
  const scene = await openScene({ url, directory, task });
  try {
    let deaths = 0;
    for (let point = from; point < POINTS_MAX; point += every) {
      const isOver = await dieAndLiveOn({ lives, scene, url, sealsPath }, point);
      if (isOver) break;
      deaths += 1;
    }
    const faults = [...(await scene.judge()), ...repeatedSeals(sealsPath)];
    return { task, deaths, faults };
  } finally {
    await scene.close();
    await lives.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Stage {
  readonly lives: Lives;
  readonly scene: Scene;
  readonly url: string;
  readonly sealsPath: string;
}

/** True when the work was done before the point came. */
async function dieAndLiveOn({ lives, scene, url, sealsPath }: Stage, point: number) {
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
