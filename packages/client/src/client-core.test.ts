import { DeviceId, SessionId, UserId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import { Account } from './account/records.ts';
import { ClientCore } from './client-core.ts';
import { giveWay } from './connection/stretch.ts';
import { keys } from './store/key-space.ts';
import type { Store } from './store/store.ts';
import { openMemoryStore } from './store/store-memory.ts';
import { putRecord } from './store/stored-record.ts';

const [FIRST, SECOND] = [idOf(1), idOf(2)];

test('which device it is, read while the store became another one, is read anew', async () => {
  const store = openMemoryStore();
  await become(store, FIRST);
  const wasRead = Promise.withResolvers<void>();
  const isHeard = Promise.withResolvers<void>();
  const core = new ClientCore({
    url: 'http://127.0.0.1:1',
    provider: nodeProvider,
    store: {
      ...store,
      async transaction(work) {
        const result = await store.transaction(work);
        if (!isParty(result)) return result;
        wasRead.resolve();
        await isHeard.promise;
        return result;
      },
    },
  });
  const loading = core.peerDeps();
  await wasRead.promise;
  await become(store, SECOND);
  core.forgetLocal();
  isHeard.resolve();
  expect((await loading).local.address.device).toBe(SECOND);
  expect(core.knownDevice).toBe(SECOND);
  await core.close();
});

test('closing waits for what work in the background has begun', async () => {
  const store = openMemoryStore();
  const core = new ClientCore({ url: 'http://127.0.0.1:1', provider: nodeProvider, store });
  const trouble: unknown[] = [];
  core.events.on('trouble', ({ error }) => trouble.push(error));
  const isClosing = Promise.withResolvers<void>();
  core.closing.addEventListener('abort', () => isClosing.resolve());
  let outcome: unknown;
  const next = async () => {
    await giveWay();
    outcome = await store.transaction(async () => 'done').catch((error) => error);
  };
  core.inBackground(isClosing.promise.then(giveWay).then(() => core.inBackground(next())));
  await core.close();
  expect(outcome).toBe('done');
  expect(trouble).toEqual([]);
});

function isParty(result: unknown): boolean {
  return result instanceof Object && 'address' in result;
}

function become(store: Store, device: string): Promise<void> {
  const account: Account = {
    user: UserId.parse(idOf(9)),
    device: DeviceId.parse(device),
    session: SessionId.parse(idOf(8)),
    username: 'Alice',
  };
  return store.transaction((transaction) =>
    putRecord(transaction, keys.account, [Account, account]),
  );
}

function idOf(number: number): string {
  return `018f0000-0000-7000-8000-00000000000${number}`;
}
