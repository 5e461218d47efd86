/** The key log as clients and witnesses meet it: leaves that come with identities, heads, proofs, cosignatures. */
import {
  cosignKeyLogHead,
  encodeBase64url,
  getKeyLogAccount,
  getKeyLogHead,
  getKeyLogKeys,
  getKeyLogLeaves,
} from '@sotto/api';
import { checkContactLeaves, makeSigningKeyPair } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import {
  blindAccount,
  cosignTreeHead,
  decodeTreeHead,
  digestKey,
  leafHashOf,
  type TreeRoot,
  verifyInclusion,
  verifyingKey,
  verifyTreeHead,
} from '@sotto/crypto/verify';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newOwner, type Owner, type Publisher, publisherOn } from './owner.fixture.ts';
import { newDevice, type Platform, startPlatform } from './platform.fixture.ts';

const witness = makeSigningKeyPair<'witness'>(nodeProvider);

let platform: Platform;
let publish: Publisher;

beforeAll(async () => {
  platform = await startPlatform({
    environment: {
      KEY_LOG_WITNESSES: encodeBase64url(witness.publicKey),
      LIMITS_KEY_LOG_READS_PER_MINUTE: '5',
    },
  });
  publish = publisherOn(platform);
});
afterAll(() => platform.close());

async function account(): Promise<Owner> {
  const owner = newOwner();
  await publish.identity(owner);
  return owner;
}

const ofUser = ({ user }: Owner, query = '') => ({ params: { user_id: user }, query });

/** A head as a client takes it: signed, and continuing one that was seen. */
async function headSince(seen?: TreeRoot) {
  const query = seen === undefined ? '' : `?from=${seen.size}`;
  const { logKey, head, consistency } = await platform.call(getKeyLogHead, 'nobody', { query });
  const expectation = { logKey: verifyingKey<'key-log'>(logKey), seen, consistency };
  return { ...verifyTreeHead(nodeProvider, head, expectation), encoded: head };
}

test('an identity that was just published is in the log, proven to be in a signed tree', async () => {
  const owner = await account();
  const contact = newDevice();
  const { logKey, blindingKey } = await platform.call(getKeyLogKeys, contact, { process: 1 });
  const answer = await platform.call(getKeyLogAccount, contact, { ...ofUser(owner), process: 1 });
  const name = blindAccount(nodeProvider, blindingKey, owner.user);
  const { user, identity } = owner;
  const identityKey = identity.publicKey;
  const seen = checkContactLeaves(nodeProvider, answer.leaves, {
    ...{ account: name, seen: undefined },
    keyDigest: digestKey(nodeProvider, blindingKey, { user, identityKey }),
  });
  expect(seen.version).toBe(1);
  const tree = verifyTreeHead(nodeProvider, answer.head, {
    ...{ logKey: verifyingKey<'key-log'>(logKey), seen: undefined },
    consistency: answer.consistency,
  });
  const leafHash = leafHashOf(nodeProvider, answer.leaves.at(-1) ?? new Uint8Array());
  const proof = { leafHash, index: answer.index, path: answer.inclusion };
  verifyInclusion(nodeProvider, tree, proof);
});

test('each head continues those before it', async () => {
  await account();
  const heads = [await headSince()];
  for (let turn = 0; turn < 3; turn++) {
    const owner = await account();
    await platform.call(getKeyLogAccount, owner, ofUser(owner));
    heads.push(await headSince(heads.at(-1)));
  }
  const newest = heads.at(-1)?.size ?? 0;
  for (const seen of heads) expect((await headSince(seen)).size).toBe(newest);
  const owner = await account();
  const { head, consistency } = await platform.call(
    getKeyLogAccount,
    owner,
    ofUser(owner, `?seen=${heads[1]?.size}`),
  );
  const { logKey } = await platform.call(getKeyLogKeys, owner);
  verifyTreeHead(nodeProvider, head, {
    ...{ logKey: verifyingKey<'key-log'>(logKey), seen: heads[1], consistency },
  });
});

test('who has seen more than there is gets the smaller head, which proves it', async () => {
  const { head, consistency } = await platform.call(getKeyLogHead, 'nobody', {
    query: '?from=9999',
  });
  expect(consistency).toEqual([]);
  expect(decodeTreeHead(head).head.size).toBeLessThan(9999);
});

test('leaves are read in pages, and there are none beyond the last', async () => {
  const owner = await account();
  await platform.call(getKeyLogAccount, owner, ofUser(owner));
  const { size } = await headSince();
  const read = (start: number, count: number) =>
    platform.call(getKeyLogLeaves, 'nobody', { query: `?start=${start}&count=${count}` });
  const all = await read(0, 1000);
  expect(all.leaves).toHaveLength(size);
  expect((await read(1, 1)).leaves).toEqual([all.leaves[1]]);
  const beyond = { query: `?start=${size}&count=1` };
  expect((await platform.call.problem(getKeyLogLeaves, 'nobody', beyond)).code).toBe(
    'key.log-unknown',
  );
});

test('an account without an identity, and a version that is not there, are not in the log', async () => {
  const owner = await account();
  for (const input of [ofUser(newOwner()), ofUser(owner, '?from=2')]) {
    const problem = await platform.call.problem(getKeyLogAccount, owner, input);
    expect(problem.code).toBe('key.log-unknown');
  }
});

test('the key that blinds is for users, and leaves name nobody', async () => {
  expect((await platform.call.problem(getKeyLogKeys, 'nobody')).code).toBe('auth.token-missing');
  const owner = await account();
  const problem = await platform.call.problem(getKeyLogAccount, 'nobody', ofUser(owner));
  expect(problem.code).toBe('auth.token-missing');
});

test('a witness of this platform signs a head, and everyone sees it', async () => {
  const owner = await account();
  await platform.call(getKeyLogAccount, owner, ofUser(owner));
  const { encoded: head } = await headSince();
  const signature = cosignTreeHead(nodeProvider, witness, head);
  const body = { head, witnessKey: witness.publicKey, signature };
  await platform.call(cosignKeyLogHead, 'nobody', { body });
  await platform.call(cosignKeyLogHead, 'nobody', { body, process: 1 });
  const { cosignatures } = await platform.call(getKeyLogHead, 'nobody');
  expect(cosignatures).toEqual([{ witnessKey: witness.publicKey, signature }]);
  expect((await platform.call(getKeyLogKeys, owner)).witnessKeys).toEqual([witness.publicKey]);
});

test('what a witness has signed last comes with a proof that the newest head continues it', async () => {
  const first = await account();
  await platform.call(getKeyLogAccount, first, ofUser(first));
  const { encoded: signed } = await headSince();
  const signature = cosignTreeHead(nodeProvider, witness, signed);
  const body = { head: signed, witnessKey: witness.publicKey, signature };
  await platform.call(cosignKeyLogHead, 'nobody', { body });
  const second = await account();
  const answer = await platform.call(getKeyLogAccount, second, ofUser(second));
  expect(answer.cosignatures).toEqual([]);
  const [earlier, ...others] = answer.earlier ?? [];
  if (earlier === undefined) throw new Error('there is none');
  expect(others).toEqual([]);
  expect(earlier).toMatchObject({ head: signed, witnessKey: witness.publicKey, signature });
  const { logKey } = await platform.call(getKeyLogKeys, second);
  const { size } = verifyTreeHead(nodeProvider, answer.head, {
    logKey: verifyingKey<'key-log'>(logKey),
    seen: decodeTreeHead(earlier.head).head,
    consistency: earlier.consistency,
  });
  expect(size).toBeGreaterThan(decodeTreeHead(signed).head.size);
});

test('a stranger, a bad signature and a head that is not ours are refused', async () => {
  const { encoded: head } = await headSince();
  const stranger = makeSigningKeyPair<'witness'>(nodeProvider);
  const signed = (signer: typeof witness, encoded: Uint8Array) => ({
    ...{ head: encoded, witnessKey: signer.publicKey },
    signature: cosignTreeHead(nodeProvider, signer, encoded),
  });
  const otherRoot = Uint8Array.from(head).fill(7, 17, 49);
  const otherSize = Uint8Array.from(head).fill(1, 7, 9);
  const refusals: [string, ReturnType<typeof signed>][] = [
    ['key.witness-unknown', signed(stranger, head)],
    ['key.signature-invalid', { ...signed(witness, head), signature: new Uint8Array(64) }],
    ['key.log-unknown', signed(witness, otherRoot)],
    ['key.log-unknown', signed(witness, otherSize)],
    ['request.invalid', { ...signed(witness, head), head: new Uint8Array(113) }],
  ];
  for (const [code, body] of refusals) {
    const problem = await platform.call.problem(cosignKeyLogHead, 'nobody', { body });
    expect(problem.code).toBe(code);
  }
});

test('one address may read so much without an account, and another one still may', async () => {
  const read = async (remoteAddress: string) => {
    const [fetch] = platform.processes;
    const request = new Request('http://key.test/api/v1/keys/log/head');
    const { status } = await fetch(request, { remoteAddress });
    return status;
  };
  for (let turn = 0; turn < 5; turn++) expect(await read('192.0.2.1')).toBe(200);
  expect(await read('192.0.2.1')).toBe(429);
  expect(await read('192.0.2.2')).toBe(200);
});

test('an answer about an account gives up rather than leave out a leaf that is on its way', async () => {
  const { query } = platform.database;
  const late = newOwner();
  await publish.identity(newOwner());
  // Whoever holds the lock of those who append keeps all others from it.
  await query.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('key-log:key', 0))`.execute(
      transaction,
    );
    await publish.identity(late);
    const problem = await platform.call.problem(getKeyLogAccount, late, ofUser(late));
    expect(problem).toMatchObject({ code: 'service.unavailable', retryAfter: 1 });
  });
  expect((await platform.call(getKeyLogAccount, late, ofUser(late))).leaves).toHaveLength(1);
});
