import { nodeProvider } from '@sotto/crypto/node';
import { leafHashOf, type Subtree, verifyConsistency, verifyInclusion } from '@sotto/crypto/verify';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendBatch } from './appender.ts';
import { type LogDatabase, openLogDatabase, ReferenceTree } from './log-database.fixture.ts';
import { logKeyOf } from './log-key.ts';
import { consistencyProof, inclusionProof } from './proofs.ts';
import { readHashes } from './tree-store.ts';

/** No power of two, so that most proofs have ragged edges. */
const SIZE = 100_003;

let log: LogDatabase;
let leaves: Uint8Array[];
let reference: ReferenceTree;

beforeAll(async () => {
  log = await openLogDatabase();
  await log.addMany(SIZE);
  const logKey = logKeyOf('a secret of the tests, long enough for anyone');
  const events = { leavesAppended: () => undefined, appendFailed: () => undefined };
  const deps = { database: log.database, logKey, clock: Date.now, events };
  while ((await appendBatch(deps)) !== 0);
  leaves = await log.leaves();
  reference = new ReferenceTree(leaves);
}, 120_000);
afterAll(() => log.close());

/** Reads, and counts the rows. */
function countingReader() {
  const counted = { rows: 0 };
  const read = async (subtrees: readonly Subtree[]) => {
    const hashes = await readHashes(log.database.query, subtrees);
    counted.rows += hashes.length;
    return hashes;
  };
  return { counted, read };
}

/** Everywhere in the tree, its edges among them. */
const sample = [0, 1, 2, 3, 999, 1000, 4095, 65_535, 65_536, 77_777, 99_999, SIZE - 2, SIZE - 1];
/** Two a level, for levels of 2^17. */
const rowsMax = 2 * 17;

test('a log of a hundred thousand leaves has the root that RFC 9162 gives it', async () => {
  expect(leaves).toHaveLength(SIZE);
  const { rows } = await sql<{ count: number }>`select count(*) as count from key_log_subtrees
    where level = 0`.execute(log.database.query);
  expect(rows).toEqual([{ count: SIZE }]);
});

test('inclusion proofs are those of RFC 9162, verify, and read some two rows a level', async () => {
  for (const size of [1, 2, 7, 4096, 65_537, SIZE]) {
    const root = reference.hash(0, size);
    for (const index of sample.filter((place) => place < size)) {
      const { counted, read } = countingReader();
      const path = await inclusionProof(read, { index, size });
      expect(path.map(hex)).toEqual(reference.path(index, 0, size).map(hex));
      const leafHash = leafHashOf(nodeProvider, leaves[index] ?? new Uint8Array());
      verifyInclusion(nodeProvider, { size, root }, { leafHash, index, path });
      expect(counted.rows).toBeLessThanOrEqual(rowsMax);
    }
  }
});

test('consistency proofs are those of RFC 9162, verify, and read some two rows a level', async () => {
  const sizes = [0, 1, 2, 3, 1000, 4096, 65_536, 65_537, 99_999, SIZE];
  for (const first of sizes) {
    for (const second of sizes.filter((size) => size >= first)) {
      const { counted, read } = countingReader();
      const proof = await consistencyProof(read, { first, second });
      const expected = first === 0 ? [] : reference.proof(first, second);
      expect(proof.map(hex)).toEqual(expected.map(hex));
      const trees = { first: treeOf(first), second: treeOf(second) };
      verifyConsistency(nodeProvider, trees, proof);
      expect(counted.rows).toBeLessThanOrEqual(rowsMax);
    }
  }
});

test('nothing is proven of a size that the log does not have yet', async () => {
  const { counted, read } = countingReader();
  expect(await consistencyProof(read, { first: SIZE + 5, second: SIZE })).toEqual([]);
  expect(counted.rows).toBe(0);
});

test('the database looks hashes up by their places alone', async () => {
  const { rows } = await sql<{ 'QUERY PLAN': string }>`explain (analyze, costs off, timing off)
    select tree.hash from unnest(${[0, 3, 16]}::smallint[], ${[5, 7, 0]}::bigint[]) with ordinality
      as wanted (level, position, place)
    join key_log_subtrees tree on tree.level = wanted.level and tree.position = wanted.position
    order by wanted.place`.execute(log.database.query);
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  expect(plan).toMatch(/Index Scan (using|on) key_log_subtrees_pkey/);
  expect(plan).not.toMatch(/Seq Scan/);
});

function treeOf(size: number) {
  return { size, root: reference.hash(0, size) };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
