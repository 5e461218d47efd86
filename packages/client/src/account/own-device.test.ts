/** This device taken off its account by itself, when the answer does not come. */
import { ApiError, DeviceId, getDeviceList, SessionId, UserId } from '@sotto/api';
import { makeIdentity } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { beforeEach, expect, test } from 'vitest';
import type { Call } from '../connection/call.ts';
import { ConnectionError } from '../errors.ts';
import { createEvents } from '../events.ts';
import { keys } from '../store/key-space.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { putRecord } from '../store/stored-record.ts';
import { readAccount } from './account.ts';
import { type OwnDeviceDeps, unlinkThisDevice } from './own-device.ts';
import { Account } from './records.ts';
import { keepTokens, loggedOutError } from './tokens.ts';

const ID = '018f0000-0000-7000-8000-00000000000a';
const OTHER_ID = '018f0000-0000-7000-8000-00000000000b';
const TOKENS = { access: 'access', refresh: 'refresh', renewAt: 0 };

let deps: OwnDeviceDeps;
/** What becomes of the call that takes the device off, and of all others. */
let outcome: Error;
let isOver: boolean;

beforeEach(async () => {
  const address = { user: ID, device: ID };
  isOver = false;
  deps = {
    store: openMemoryStore(),
    provider: nodeProvider,
    local: { identity: makeIdentity(nodeProvider), address, registrationId: 1 },
    clock: () => Date.now(),
    events: createEvents(),
    signal: new AbortController().signal,
    call,
  };
  await keepAccount(ID);
});

test('is done when the session has ended since', async () => {
  await begin(new ConnectionError('no answer'));
  await endSession();
  await unlinkThisDevice(deps);
});

test('is done when the platform does not know the device any more', async () => {
  outcome = new ApiError('auth.device-unknown');
  await unlinkThisDevice(deps);
});

test('is not done when the platform has said so, whatever ends the session later', async () => {
  await begin(new ApiError('rate.limited', { retryAfter: 1 }));
  await expectUndone();
});

test('is not done when the session went on after it', async () => {
  await begin(new ConnectionError('no answer'));
  await keepTokens(deps.store, TOKENS);
  await expectUndone();
});

test('is not done when it was another session that has ended', async () => {
  await begin(new ConnectionError('no answer'));
  const account = await readAccount(deps.store);
  await keepAccount(OTHER_ID, account?.leaving);
  await expectUndone();
});

async function begin(error: Error): Promise<void> {
  outcome = error;
  await expect(unlinkThisDevice(deps)).rejects.toBe(error);
}

async function expectUndone(): Promise<void> {
  await endSession();
  await expect(unlinkThisDevice(deps)).rejects.toMatchObject({ code: 'account.logged-out' });
}

async function endSession(): Promise<void> {
  await keepTokens(deps.store, undefined);
  isOver = true;
}

/** A platform that has no list of the account yet. */
const call = (async (endpoint: { id: string }) => {
  if (isOver) throw loggedOutError();
  throw endpoint.id === getDeviceList.id ? new ApiError('key.list-unknown') : outcome;
}) as Call;

function keepAccount(session: string, leaving?: Account['leaving']): Promise<void> {
  const account: Account = {
    user: UserId.parse(ID),
    device: DeviceId.parse(ID),
    session: SessionId.parse(session),
    username: 'Alice',
    leaving,
    tokens: TOKENS,
  };
  return deps.store.transaction((transaction) =>
    putRecord(transaction, keys.account, [Account, account]),
  );
}
