import { UserId } from '@sotto/api';
import { makeIdentity, nobleProvider } from '@sotto/crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Peer } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import { MEMBER_PROOF_MS, PROOFS_WAITING_MAX } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { putRecord } from '../store/stored-record.ts';
import type { Contact } from './key-log.ts';
import { ContactLeaf } from './log-standing.ts';
import { createMemberProofs, type MemberProofsDeps } from './member-proofs.ts';
import { oweProof } from './owed-proofs.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const members = ['a', 'b', 'c'].map((end): Contact => {
  const user = UserId.parse(`018f0000-0000-7000-8000-00000000000${end}`);
  return { user, identityKey: new Uint8Array(32) };
});

const local = {
  identity: makeIdentity(nobleProvider),
  address: { user: crypto.randomUUID(), device: crypto.randomUUID() },
  registrationId: 1,
};

const fail = (error: unknown) => {
  throw error;
};

const open = (given: Pick<MemberProofsDeps, 'keyLog'> & Partial<MemberProofsDeps>) =>
  createMemberProofs({ store: openMemoryStore(), local, onError: fail, ...given });

test('others are looked up one after the other, the last ones first, each once, with a pause for people between', async () => {
  const asked: Contact[] = [];
  const keyLog = { needContact: async (contact: Contact) => void asked.push(contact) };
  const proofs = open({ keyLog });
  proofs.need(members);
  proofs.need(members);
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual(members.slice(2));
  await vi.advanceTimersByTimeAsync(MEMBER_PROOF_MS);
  expect(asked).toEqual([members[2], members[1]]);
  await vi.advanceTimersByTimeAsync(MEMBER_PROOF_MS * 5);
  expect(asked).toEqual(members.toReversed());
  await proofs.close();
});

test('one that fails is told and holds up none behind it', async () => {
  const errors: unknown[] = [];
  const broken = new ClientError('key-log.broken', 'the log shows two things');
  const needContact = vi.fn().mockRejectedValueOnce(broken).mockResolvedValue(undefined);
  const proofs = open({ keyLog: { needContact }, onError: (error) => errors.push(error) });
  proofs.need(members);
  await vi.advanceTimersByTimeAsync(MEMBER_PROOF_MS * 5);
  expect(errors).toEqual([broken]);
  expect(needContact).toHaveBeenCalledTimes(3);
  await proofs.close();
});

test('nothing is asked any more once it was closed', async () => {
  const needContact = vi.fn().mockResolvedValue(undefined);
  const proofs = open({ keyLog: { needContact } });
  proofs.need(members);
  await proofs.close();
  await vi.advanceTimersByTimeAsync(MEMBER_PROOF_MS * 5);
  expect(needContact).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

test('whoever wrote and could not be looked up is looked up at the next connection, until it is known', async () => {
  const store = openMemoryStore();
  await store.transaction(async (it) => {
    for (const contact of members) {
      await putRecord(it, keys.peer(contact.user), [Peer, { ...contact, devices: [] }]);
      expect(await oweProof(it, contact)).toBe(true);
    }
  });
  const asked: Contact[] = [];
  const needContact = async (contact: Contact) => {
    asked.push(contact);
    if (asked.length <= members.length) throw new ClientError('answer.invalid', 'not today');
    const { user, identityKey } = contact;
    const leaf = keys.logLeaf(user);
    await store.transaction((it) => putRecord(it, leaf, [ContactLeaf, { identityKey }]));
  };
  for (const times of [1, 2, 2]) {
    const proofs = open({ store, keyLog: { needContact }, onError() {} });
    await proofs.needOwed();
    await vi.advanceTimersByTimeAsync(MEMBER_PROOF_MS * 9);
    expect(asked).toHaveLength(times * members.length);
    await proofs.close();
  }
  const left = await store.transaction((it) => it.list({ prefix: keys.owedProofs, limit: 9 }));
  expect(left).toEqual([]);
});

test('neither a flood of new ones keeps those off who have waited, nor does it grow', async () => {
  const store = openMemoryStore();
  const [owed] = members;
  await store.transaction(async (it) => {
    await putRecord(it, keys.peer(owed!.user), [Peer, { ...owed!, devices: [] }]);
    await oweProof(it, owed!);
  });
  const asked: Contact[] = [];
  const proofs = open({
    store,
    keyLog: { needContact: async (contact) => void asked.push(contact) },
  });
  await proofs.needOwed();
  const flood = Array.from({ length: PROOFS_WAITING_MAX + 500 }, () => ({
    user: UserId.parse(crypto.randomUUID()),
    identityKey: new Uint8Array(32),
  }));
  proofs.need(flood);
  await vi.advanceTimersByTimeAsync(MEMBER_PROOF_MS * 2);
  expect(asked).toContainEqual(owed);
  await vi.advanceTimersByTimeAsync(MEMBER_PROOF_MS * flood.length);
  expect(asked).toHaveLength(PROOFS_WAITING_MAX + 1);
  await proofs.close();
});
