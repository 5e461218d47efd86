import { UserId } from '@sotto/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ClientError } from '../errors.ts';
import { MEMBER_PROOF_MS } from '../limits.ts';
import type { Contact } from './key-log.ts';
import { createMemberProofs } from './member-proofs.ts';

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

const fail = (error: unknown) => {
  throw error;
};

test('members are looked up one after the other, each once, with a pause for people between', async () => {
  const asked: Contact[] = [];
  const keyLog = { needContact: async (contact: Contact) => void asked.push(contact) };
  const proofs = createMemberProofs({ keyLog, onError: fail });
  proofs.need(members);
  proofs.need(members);
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual(members.slice(0, 1));
  await vi.advanceTimersByTimeAsync(MEMBER_PROOF_MS);
  expect(asked).toEqual(members.slice(0, 2));
  await vi.advanceTimersByTimeAsync(MEMBER_PROOF_MS * 5);
  expect(asked).toEqual(members);
  await proofs.close();
});

test('one that fails is told and holds up none behind it', async () => {
  const errors: unknown[] = [];
  const broken = new ClientError('key-log.broken', 'the log shows two things');
  const needContact = vi.fn().mockRejectedValueOnce(broken).mockResolvedValue(undefined);
  const proofs = createMemberProofs({
    keyLog: { needContact },
    onError: (error) => errors.push(error),
  });
  proofs.need(members);
  await vi.advanceTimersByTimeAsync(MEMBER_PROOF_MS * 5);
  expect(errors).toEqual([broken]);
  expect(needContact).toHaveBeenCalledTimes(3);
  await proofs.close();
});

test('nothing is asked any more once it was closed', async () => {
  const needContact = vi.fn().mockResolvedValue(undefined);
  const proofs = createMemberProofs({ keyLog: { needContact }, onError: fail });
  proofs.need(members);
  await proofs.close();
  await vi.advanceTimersByTimeAsync(MEMBER_PROOF_MS * 5);
  expect(needContact).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
