import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeBase64url, encodeBase64url } from '@sotto/api';
import { makeSigningKeyPair } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { encodeKeyLogLeaf, leafHashOf } from '@sotto/crypto/verify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Alarm, type AlarmCode } from './alarm.ts';
import { type Followed, followLog } from './follow.ts';
import { LogInMemory } from './log.fixture.ts';
import { Unreachable } from './log-reader.ts';
import { loadState, loadWitnessKey, lockState, saveEvidence, saveState } from './state.ts';

const DAY_MS = 24 * 3_600_000;

let log: LogInMemory;
let known: Uint8Array[];

const account = (number: number) => new Uint8Array(32).fill(number);

/** The next leaf of an account after the ones given. */
function leafOf(number: number, before: readonly Uint8Array[] = [], digest = 1): Uint8Array {
  const previous = before.at(-1);
  return encodeKeyLogLeaf({
    ...{ type: 'account', account: account(number), version: before.length + 1 },
    previousHash: previous === undefined ? new Uint8Array(32) : leafHashOf(nodeProvider, previous),
    keyDigest: new Uint8Array(32).fill(digest),
  });
}

beforeEach(() => {
  known = [leafOf(1), leafOf(2), leafOf(3), leafOf(4), leafOf(5)];
  log = new LogInMemory(known);
});

const seenNow = async (): Promise<Followed> => (await followLog(log, undefined)).followed;

async function alarmOf(other: LogInMemory, seen?: Followed): Promise<AlarmCode> {
  const outcome = await followLog(other, seen).catch((error: unknown) => error);
  if (!(outcome instanceof Alarm)) throw new Error('no alarm', { cause: outcome });
  return outcome.code;
}

describe('a log as it should be', () => {
  test('is followed from its beginning, and then from where it was left', async () => {
    const first = await followLog(log, undefined);
    expect(first.news.at(-1)).toMatch(/^followed to leaf 5, root [0-9a-f]{16}$/);
    expect((await followLog(log, first.followed)).news).toEqual([]);
    const grown = log.withLeaves([...known, leafOf(2, [known[1] as Uint8Array]), leafOf(6)]);
    const second = await followLog(grown, first.followed);
    expect(second.followed.tree.size).toBe(7);
    expect(second.followed.accounts.get(encodeBase64url(account(2)))?.version).toBe(2);
    expect(second.followed.tree).toEqual((await followLog(grown, undefined)).followed.tree);
  });

  test('may be empty, and is read in pages', async () => {
    const empty = await followLog(log.withLeaves([]), undefined);
    expect(empty.followed.tree.size).toBe(0);
    const many = Array.from({ length: 2_500 }, (_, time) => {
      return encodeKeyLogLeaf({ type: 'restored', incarnation: 2, time });
    });
    const large = log.withLeaves(many);
    expect((await followLog(large, empty.followed)).followed.tree.size).toBe(2_500);
    expect(large.reads).toEqual([1000, 1000, 500]);
  });

  test('tells that the platform was restored', async () => {
    const restored = encodeKeyLogLeaf({ type: 'restored', incarnation: 2, time: 0 });
    const { news } = await followLog(log.withLeaves([...known, restored]), await seenNow());
    expect(news[0]).toMatch(/restored: incarnation 2, Thu, 01 Jan 1970/);
  });
});

describe('a log that lies', () => {
  test('by taking leaves away', async () => {
    const shorter = log.withLeaves(known.slice(0, 4));
    expect(await alarmOf(shorter, await seenNow())).toBe('rolled-back');
  });

  test('by showing another one of the same size', async () => {
    const fork = log.withLeaves([...known.slice(0, 4), leafOf(9)]);
    expect(await alarmOf(fork, await seenNow())).toBe('forked');
  });

  test('by changing a leaf and growing on, whichever it was', async () => {
    const seen = await seenNow();
    for (let index = 0; index < known.length; index++) {
      const rewritten = known.with(index, leafOf(index + 1, [], 66));
      expect(await alarmOf(log.withLeaves([...rewritten, leafOf(6)]), seen)).toBe('rewritten');
    }
  });

  test('by showing leaves that it has not signed for', async () => {
    const swapping = log.withLeaves([...known, leafOf(6)]);
    swapping.shown = swapping.leafList.with(5, leafOf(6, [], 66));
    expect(await alarmOf(swapping, await seenNow())).toBe('leaves-swapped');
    expect(await alarmOf(swapping)).toBe('leaves-swapped');
  });

  test('by hiding leaves', async () => {
    const hiding = log.withLeaves([...known, leafOf(6)]);
    hiding.shown = known;
    expect(await alarmOf(hiding, await seenNow())).toBe('leaves-withheld');
  });

  test('by giving an account two leaves of one version, even the same', async () => {
    const seen = await seenNow();
    for (const second of [leafOf(3, [], 66), leafOf(3)]) {
      expect(await alarmOf(log.withLeaves([...known, second]), seen)).toBe('account-forked');
      expect(await alarmOf(log.withLeaves([...known, second]))).toBe('account-forked');
    }
  });

  test('by a leaf that follows on none, or on another one', async () => {
    const seen = await seenNow();
    const early = leafOf(3, [leafOf(3), leafOf(3)]);
    const strange = leafOf(3, [leafOf(3, [], 66)]);
    for (const leaf of [early, strange]) {
      expect(await alarmOf(log.withLeaves([...known, leaf]), seen)).toBe('account-forked');
    }
  });

  test('by a leaf that is none', async () => {
    const broken = log.withLeaves([...known, Uint8Array.of(1, 2, 3)]);
    expect(await alarmOf(broken, await seenNow())).toBe('leaf-malformed');
  });

  test('with another key, or with a head that its key has not signed', async () => {
    const seen = await seenNow();
    const other = new LogInMemory(known);
    expect(await alarmOf(other, seen)).toBe('key-changed');
    other.claimedKey = log.logKey.publicKey;
    expect(await alarmOf(other, seen)).toBe('head-unsigned');
    expect(await alarmOf(other)).toBe('head-unsigned');
  });
});

describe('a log that was restored from a backup', () => {
  const restoredAt = (time: number) => encodeKeyLogLeaf({ type: 'restored', incarnation: 2, time });
  /** Heads of the log in memory are signed at this time and as many milliseconds as they have leaves. */
  const AFTER = restoredAt(1_790_000_001_000);

  test.each([
    ['shorter', []],
    ['as long', [leafOf(8)]],
    ['longer', [leafOf(8), leafOf(9), leafOf(10)]],
  ])('and is %s goes on from there, and what was seen is kept', async (_length, since) => {
    const seen = await seenNow();
    const restored = log.withLeaves([...known.slice(0, 3), AFTER, ...since]);
    const { followed, news, excused } = await followLog(restored, seen);
    expect(followed.accounts.has(encodeBase64url(account(5)))).toBe(false);
    expect(followed.tree.size).toBe(4 + since.length);
    expect(news[0]).toBe('the log that was followed before had 5 leaves, and does not go on');
    expect(news[1]).toMatch(/says that it was restored/);
    expect(excused?.evidence.seenHead).toBe(encodeBase64url(seen.head));
    const { news: later, excused: again } = await followLog(restored, followed);
    expect({ later, again }).toEqual({ later: [], again: undefined });
  });

  test('was not, when it says so of a time before what was seen', async () => {
    const early = restoredAt(1_790_000_000_000);
    const shorter = log.withLeaves([...known.slice(0, 3), early]);
    expect(await alarmOf(shorter, await seenNow())).toBe('rolled-back');
  });

  test('has nothing before the restore that was not there', async () => {
    const seen = await seenNow();
    const added = log.withLeaves([...known.slice(0, 3), leafOf(9), AFTER, leafOf(8)]);
    expect(await alarmOf(added, seen)).toBe('rewritten');
    const changed = log.withLeaves([leafOf(1, [], 66), ...known.slice(1, 3), AFTER]);
    expect(await alarmOf(changed, seen)).toBe('rolled-back');
    const ahead = log.withLeaves([...known.slice(0, 2), leafOf(2, [known[1]!]), AFTER]);
    expect(await alarmOf(ahead, seen)).toBe('rolled-back');
  });

  test('was not, when that is yet to come', async () => {
    const seen = await seenNow();
    const later = 1_790_000_000_000 + DAY_MS;
    const planted = log.withLeaves([...known, restoredAt(later)]);
    expect(await alarmOf(planted, seen)).toBe('restore-ahead');
    expect(await alarmOf(planted)).toBe('restore-ahead');
    const shorter = log.withLeaves([...known.slice(0, 3), restoredAt(later)]);
    expect(await alarmOf(shorter, seen)).toBe('restore-ahead');
    shorter.time = later;
    const before = followLog(shorter, seen, later - DAY_MS);
    await expect(before).rejects.toMatchObject({ code: 'rolled-back' });
    expect((await followLog(shorter, seen, later)).excused).toBeDefined();
  });

  test('may have been so twice', async () => {
    const seen = await seenNow();
    const once = [...known.slice(0, 3), AFTER, leafOf(8)];
    const twice = log.withLeaves([...once, restoredAt(1_790_000_002_000), leafOf(9)]);
    expect((await followLog(twice, seen)).followed.tree.size).toBe(7);
  });
});

test('a log that signs in the future is not followed until then', async () => {
  log.time = 1_790_000_000_000 + DAY_MS;
  const early = followLog(log, undefined, 1_790_000_000_000);
  await expect(early).rejects.toThrow(Unreachable);
  expect((await followLog(log, undefined, log.time)).followed.tree.size).toBe(5);
});

describe('what is kept', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sotto-witness-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test('is read as it was written', async () => {
    expect(loadState(directory)).toBeUndefined();
    const seen = await seenNow();
    saveState(directory, seen);
    expect(loadState(directory)).toEqual(seen);
    expect((await followLog(log, loadState(directory))).news).toEqual([]);
  });

  test('is written when the log has moved, and only then', async () => {
    const seen = await seenNow();
    saveState(directory, seen);
    const file = join(directory, 'state.json');
    const { ino } = statSync(file);
    saveState(directory, await seenNow(), loadState(directory));
    expect(statSync(file).ino).toBe(ino);
    const grown = await followLog(log.withLeaves([...known, leafOf(6)]), seen);
    saveState(directory, grown.followed, seen);
    expect(loadState(directory)).toEqual(grown.followed);
  });

  test('belongs to one witness at a time, until that one has ended', () => {
    const lock = lockState(directory);
    expect(() => lockState(directory)).toThrow('another witness works in');
    const program = `import { lockState } from ${JSON.stringify(import.meta.resolve('./state.ts'))};
      lockState(${JSON.stringify(directory)});`;
    const other = () =>
      spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
    expect(other().stderr).toContain('another witness works in');
    lock.close();
    expect(other().status).toBe(0);
    lockState(directory).close();
  });

  test('and damaged is not taken for a first run', () => {
    writeFileSync(join(directory, 'state.json'), '{"version":1}');
    expect(() => loadState(directory)).toThrow('cannot be read');
  });

  test('the key is made once', () => {
    const { publicKey } = loadWitnessKey(directory);
    expect(loadWitnessKey(directory).publicKey).toEqual(publicKey);
    const other = makeSigningKeyPair<'witness'>(nodeProvider).publicKey;
    expect(publicKey).not.toEqual(other);
  });

  test('an alarm leaves what proves it', async () => {
    const seen = await seenNow();
    const fork = log.withLeaves([...known.slice(0, 4), leafOf(9)]);
    const alarm = await followLog(fork, seen).catch((error: unknown) => error);
    if (!(alarm instanceof Alarm)) throw new Error('no alarm');
    const evidence = JSON.parse(readFileSync(saveEvidence(directory, alarm), 'utf8'));
    expect(evidence.code).toBe('forked');
    expect(decodeBase64url(evidence.seenHead)).toEqual(seen.head);
    expect(decodeBase64url(evidence.head)).toEqual((await fork.head(undefined)).head);
  });
});
