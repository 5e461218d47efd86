import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { nodeProvider } from '@sotto/crypto/node';
import {
  accountHeadAfter,
  decodeKeyLogLeaf,
  decodeTreeHead,
  type Head,
  verifyCosignature,
  verifyingKey,
  verifyTreeHead,
} from '@sotto/crypto/verify';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type AppenderDeps, appendBatch, startAppender } from './appender.ts';
import { findCosignatures, insertCosignature, newestHead } from './heads.ts';
import { addRestoredLeaf } from './leaves.ts';
import {
  type LogDatabase,
  newUser,
  openLogDatabase,
  ReferenceTree,
} from './log-database.fixture.ts';
import { logKeyOf } from './log-key.ts';

const SECRET = 'a secret of the tests, long enough for anyone';
const logKey = logKeyOf(SECRET);

let log: LogDatabase;
const failures: unknown[] = [];

beforeEach(async () => {
  log = await openLogDatabase();
  failures.length = 0;
});
afterEach(() => log.close());

function deps(database = log.database, key = logKey): AppenderDeps {
  const events = {
    leavesAppended: () => undefined,
    appendFailed: (error: unknown) => failures.push(error),
  };
  return { database, logKey: key, clock: Date.now, events };
}

/** The tree as the database has it is the one over its leaves, and each account's leaves follow each other. */
async function requireSoundLog(): Promise<number> {
  const leaves = await log.leaves();
  const { head: encoded = new Uint8Array() } = (await newestHead(log.database.query)) ?? {};
  const expectation = { logKey: logKey.publicKey, seen: undefined, consistency: [] };
  const head = verifyTreeHead(nodeProvider, encoded, expectation);
  expect(head.size).toBe(leaves.length);
  const root = new ReferenceTree(leaves).hash(0, leaves.length);
  expect(Buffer.from(head.root).equals(root)).toBe(true);
  const accounts = new Map<string, Head>();
  for (const leaf of leaves) {
    const decoded = decodeKeyLogLeaf(leaf);
    if (decoded.type !== 'account') continue;
    const { account } = decoded;
    const key = Buffer.from(account).toString('hex');
    const before = accounts.get(key);
    accounts.set(key, accountHeadAfter(nodeProvider, { account, before }, leaf));
  }
  return leaves.length;
}

test('the first turn signs the head of an empty log, the next ones what was added', async () => {
  expect(await appendBatch(deps())).toBe(0);
  expect(await requireSoundLog()).toBe(0);
  await log.add();
  await log.add();
  expect(await appendBatch(deps())).toBe(2);
  expect(await requireSoundLog()).toBe(2);
  expect(await appendBatch(deps())).toBe(0);
  const heads = await sql`select size from key_log_heads order by size`.execute(log.database.query);
  expect(heads.rows).toEqual([{ size: 0 }, { size: 2 }]);
});

test('leaves of one account follow each other, whoever adds them at the same time', async () => {
  const users = [newUser(), newUser()];
  await Promise.all(Array.from({ length: 40 }, (_, turn) => log.add(users[turn % 2])));
  await appendBatch(deps());
  expect(await requireSoundLog()).toBe(40);
});

test('a restored platform says so in a leaf', async () => {
  await log.add();
  await log.database.query
    .transaction()
    .execute((transaction) => addRestoredLeaf(transaction, { incarnation: 2, time: 1234 }));
  await appendBatch(deps());
  const [, second = new Uint8Array()] = await log.leaves();
  expect(decodeKeyLogLeaf(second)).toEqual({ type: 'restored', incarnation: 2, time: 1234 });
});

test('of processes that append at the same time one does, and none twice', async () => {
  const processes = Array.from({ length: 4 }, () => deps(log.another()));
  for (let turn = 0; turn < 10; turn++) {
    await Promise.all(Array.from({ length: 10 }, () => log.add()));
    await Promise.all(processes.map(appendBatch));
  }
  await appendBatch(deps());
  expect(await requireSoundLog()).toBe(100);
});

test('a leaf waits for no nudge longer than a second or so, and for a nudge not at all', async () => {
  const appender = startAppender(deps());
  try {
    await log.add();
    await vi.waitFor(async () => expect(await log.leaves()).toHaveLength(1), 20_000);
    const waits: number[] = [];
    for (const leaves of [2, 3, 4]) {
      await log.add();
      const started = performance.now();
      appender.nudge();
      const options = { timeout: 20_000, interval: 10 };
      await vi.waitFor(async () => expect(await log.leaves()).toHaveLength(leaves), options);
      waits.push(performance.now() - started);
    }
    // Without a nudge each takes the rest of a second; with one, any of them may on a machine that does much else.
    expect(Math.min(...waits)).toBeLessThan(500);
  } finally {
    await appender.close();
  }
});

test('nothing changes, removes or replaces a leaf', async () => {
  await log.add();
  await appendBatch(deps());
  const { query } = log.database;
  for (const statement of [
    'update key_log_leaves set leaf = decode(repeat(chr(48) || chr(48), 102), $$hex$$)',
    'delete from key_log_leaves',
    'truncate key_log_leaves',
    'delete from key_log_subtrees',
    'update key_log_parameters set blinding_key = blinding_key',
  ]) {
    await expect(sql.raw(statement).execute(query)).rejects.toThrow('append-only');
  }
  expect(await requireSoundLog()).toBe(1);
});

test('a tree that has changed by itself is not signed', async () => {
  await log.add();
  await appendBatch(deps());
  const { query } = log.database;
  await sql`alter table key_log_subtrees disable trigger user`.execute(query);
  await sql`update key_log_subtrees set hash = sha256(hash)`.execute(query);
  await log.add();
  await expect(appendBatch(deps())).rejects.toThrow('does not have the root');
  expect((await newestHead(query))?.size).toBe(1);
});

test('under another key the newest head is signed again, and keeps its witnesses', async () => {
  await log.add();
  await appendBatch(deps());
  const { query } = log.database;
  const before = await newestHead(query);
  await insertCosignature(query, 1, {
    witnessKey: new Uint8Array(32),
    signature: new Uint8Array(64),
  });
  const other = logKeyOf('another secret of the tests, as long as that one');
  expect(await appendBatch(deps(log.database, other))).toBe(0);
  const after = await newestHead(query);
  const [old, now] = [before, after].map((row) => decodeTreeHead(row?.head ?? new Uint8Array()));
  expect(now?.message).toEqual(old?.message);
  expect(now?.signature).not.toEqual(old?.signature);
  expect(await findCosignatures(query, 1)).toHaveLength(1);
});

test('killed again and again in the middle of it, processes append every leaf once', async () => {
  const running = new Set<ChildProcess>();
  const start = () => {
    const program = fileURLToPath(new URL('append-program.fixture.ts', import.meta.url));
    const child = spawn(process.execPath, [program, log.url, SECRET], { stdio: 'ignore' });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  };
  const kill = async (child: ChildProcess) => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  let added = 0;
  let isOver = false;
  const adding = (async () => {
    while (!isOver) {
      await Promise.all(Array.from({ length: 5 }, () => log.add()));
      added += 5;
    }
  })();
  try {
    start();
    for (let round = 0; round < 12; round++) {
      const victim = start();
      // Long enough to start and be somewhere in a batch, at another moment each time.
      await sleep(500 + 37 * round);
      await kill(victim);
    }
    isOver = true;
    await adding;
    const options = { timeout: 5_000, interval: 50 };
    await vi.waitFor(async () => expect(await log.leaves()).toHaveLength(added), options);
  } finally {
    isOver = true;
    await Promise.all([...running].map(kill));
  }
  expect(await requireSoundLog()).toBe(added);
}, 30_000);

test('when the process that appends dies, another goes on within seconds', async () => {
  const first = startAppender(deps(log.another()));
  const second = startAppender(deps(log.another()));
  await first.close();
  await log.add();
  await vi.waitFor(async () => expect(await log.leaves()).toHaveLength(1), 20_000);
  await second.close();
  expect(failures).toEqual([]);
});

test('a witness signs the head and not the signature of the log', () => {
  const encoded = new Uint8Array(113);
  encoded[0] = 1;
  const witness = verifyingKey<'witness'>(logKey.publicKey);
  const cosignature = new Uint8Array(64);
  expect(verifyCosignature(nodeProvider, witness, { encoded, cosignature })).toBe(false);
});
