import { ConversationId, DeviceId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import { OneTimePrekeyRecord, SignedPrekeyRecord } from '../account/records.ts';
import { makeFreshGroup } from '../groups/fresh-group.fixture.ts';
import { keys } from '../store/key-space.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { putRecord } from '../store/stored-record.ts';
import { ContactLeaf } from '../trust/log-standing.ts';
import { meetPeers } from '../trust/peers.ts';
import { openSessions } from '../trust/sessions.ts';
import { enqueueControl } from './control-outbox.ts';
import { ConversationRecord } from './conversation-record.ts';
import { enqueue } from './outbox.ts';
import { sealNext } from './sealing.ts';

const conversation = ConversationId.parse('018f0000-0000-7000-8000-00000000000a');

test('a session moves on with what it has encrypted, also when something is missing behind that', async () => {
  const store = openMemoryStore();
  const world = await makeFreshGroup({
    ...{ provider: nodeProvider, store, members: 2, devicesEach: 2 },
  });
  const { deps } = world;
  const [own, contact] = world.members;
  const members = [own!.user, contact!.user];
  const [one, other] = contact!.devices.map(({ local }) => ({
    user: contact!.user,
    device: DeviceId.parse(local.address.device),
  }));
  await meetPeers(deps, [{ user: contact!.user }]);
  await store.transaction(async (transaction) => {
    const direct = { id: conversation, kind: 'direct' as const, members };
    await putRecord(transaction, keys.conversation(conversation), [ConversationRecord, direct]);
    const identityKey = contact!.identity.publicKey;
    await putRecord(transaction, keys.logLeaf(contact!.user), [ContactLeaf, { identityKey }]);
    const control = { type: 'title-key', key: new Uint8Array(32) } as const;
    await enqueueControl(deps, transaction, { conversation, control, to: [one!] });
    const content = { type: 'text', text: 'hello' } as const;
    await enqueue(deps, transaction, { conversation, content });
    await transaction.delete(keys.session(other!));
  });
  const seal = (after: string) =>
    store.transaction((transaction) =>
      sealNext(deps, transaction, {
        conversation: { id: conversation, kind: 'direct', members },
        ...{ after, limit: 16, passedOver: new Set() },
      }),
    );
  const first = await seal(keys.outbox(conversation));
  expect('sealed' in first && first.sealed.map(({ to }) => to)).toEqual([[one]]);
  const after = keys.outboxEntry(conversation, 0, Number.MAX_SAFE_INTEGER);
  expect(await seal(after)).toEqual({ wanted: [other] });
  await meetPeers(deps, [other!]);
  await store.transaction((transaction) =>
    enqueue(deps, transaction, { conversation, content: { type: 'text', text: 'and again' } }),
  );
  const second = await seal(after);
  if (!('sealed' in first) || !('sealed' in second)) throw new Error('something is still missing');
  const ciphertexts = [...first.sealed, ...second.sealed].flatMap(({ recipients }) =>
    recipients.filter(({ device }) => device === one!.device).map(({ ciphertext }) => ciphertext),
  );
  expect(ciphertexts).toHaveLength(3);
  const { local, signedPrekey, oneTimePrekeys } = contact!.devices[0]!;
  const theirs = openMemoryStore();
  await theirs.transaction(async (transaction) => {
    const { id, keyPair, suites, signature } = signedPrekey;
    const signed = { id, ...keyPair, suites: [...suites], signature, published: true };
    await putRecord(transaction, keys.signedPrekey(id), [SignedPrekeyRecord, signed]);
    const [{ id: oneTimeId, keyPair: pair }] = oneTimePrekeys as [(typeof oneTimePrekeys)[0]];
    const record = { id: oneTimeId, ...pair };
    await putRecord(transaction, keys.oneTimePrekey(oneTimeId), [OneTimePrekeyRecord, record]);
    const sessions = openSessions(transaction, { ...deps, local });
    const sender = deps.local.address;
    for (const ciphertext of ciphertexts) await sessions.decrypt(sender, ciphertext, undefined);
  });
  await theirs.close();
  await world.close();
});
