import {
  countPrekeys,
  getIdentity,
  publishDeviceList,
  publishIdentity,
  publishOneTimePrekeys,
  publishSignedPrekey,
} from '@sotto/api';
import { findDeviceList, findIdentity } from '@sotto/api/internal';
import cctv from '@sotto/crypto/vectors/ed25519-edge/cctv_ed25519vectors.json' with {
  type: 'json',
};
import speccheck from '@sotto/crypto/vectors/ed25519-edge/speccheck_cases.json' with {
  type: 'json',
};
import bad from '@sotto/crypto/vectors/xdh-dr/x25519_bad_public_keys.json' with { type: 'json' };
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  deviceList,
  identityOf,
  linkedDevice,
  newOwner,
  oneTimePrekeys,
  type Publisher,
  publisherOn,
  signedPrekey,
} from './owner.fixture.ts';
import { newDevice, type Platform, startPlatform } from './platform.fixture.ts';

let platform: Platform;
let publish: Publisher;

beforeAll(async () => {
  platform = await startPlatform();
  publish = publisherOn(platform);
});
afterAll(() => platform.close());

const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

describe('an identity', () => {
  test('is published once, and the same bytes again change nothing', async () => {
    const owner = newOwner();
    const first = await publish.identity(owner);
    expect(await publish.identity(owner)).toEqual(first);
    const found = await platform.call(getIdentity, newDevice(), {
      params: { user_id: owner.user },
    });
    expect(found).toEqual(first);
    expect(Buffer.from(found.identityKey)).toEqual(Buffer.from(owner.identity.publicKey));
    const params = { user_id: owner.user };
    const { identityKey } = await platform.call(findIdentity, 'service', { params });
    expect(identityKey).toEqual(found.identityKey);
  });

  test('is not replaced by another, whichever of two comes first', async () => {
    const owner = newOwner();
    const rival = { ...newOwner(), user: owner.user };
    const outcomes = await Promise.allSettled([publish.identity(owner), publish.identity(rival)]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const loser = outcomes[0].status === 'rejected' ? owner : rival;
    const body = identityOf(loser);
    expect(await platform.call.problem(publishIdentity, loser, { body })).toMatchObject({
      code: 'key.identity-exists',
      status: 409,
    });
  });

  test('of a device keeps its registration id', async () => {
    const owner = newOwner();
    await publish.identity(owner);
    const body = identityOf(owner, 8);
    expect(await platform.call.problem(publishIdentity, owner, { body })).toMatchObject({
      code: 'key.id-conflict',
      fields: ['registrationId'],
    });
  });

  test('that is no sound point is refused', async () => {
    const unsound = [
      '00'.repeat(32),
      `01${'00'.repeat(31)}`,
      'ff'.repeat(32),
      `ec${'ff'.repeat(30)}7f`,
    ];
    for (const hex of unsound) {
      const body = { identityKey: fromHex(hex), registrationId: 1 };
      const problem = await platform.call.problem(publishIdentity, newOwner(), { body });
      expect(problem, hex).toMatchObject({ code: 'key.key-invalid', fields: ['identityKey'] });
    }
  });

  test('of a user without one is not found', async () => {
    const { user } = newDevice();
    const params = { user_id: user };
    expect(await platform.call.problem(getIdentity, newDevice(), { params })).toMatchObject({
      code: 'key.identity-unknown',
      status: 404,
    });
    for (const endpoint of [findDeviceList, findIdentity]) {
      expect(await platform.call(endpoint, 'service', { params })).toEqual({});
      expect(await platform.call.problem(endpoint, 'nobody', { params })).toMatchObject({
        code: 'auth.token-missing',
      });
    }
  });
});

describe('a signed prekey', () => {
  test('wants an identity first', async () => {
    const owner = newOwner();
    const body = signedPrekey(owner);
    expect(await platform.call.problem(publishSignedPrekey, owner, { body })).toMatchObject({
      code: 'key.identity-missing',
    });
    // The account's identity is there, but this device has not shown that it holds it.
    await publish.identity(owner);
    const other = linkedDevice(owner);
    expect(await platform.call.problem(publishSignedPrekey, other, { body })).toMatchObject({
      code: 'key.identity-missing',
    });
  });

  test('may be repeated; its id takes no other key, and ids rise', async () => {
    const owner = newOwner();
    await publish.identity(owner);
    const prekey = signedPrekey(owner, 5);
    const first = await publish.signed(owner, prekey);
    expect(await publish.signed(owner, prekey)).toEqual(first);
    for (const body of [signedPrekey(owner, 5), signedPrekey(owner, 4)]) {
      expect(await platform.call.problem(publishSignedPrekey, owner, { body })).toMatchObject({
        code: 'key.id-conflict',
        status: 409,
      });
    }
    await publish.signed(owner, signedPrekey(owner, 6));
    await publish.join(owner);
    expect((await publish.bundle(owner.user)).devices[0]?.signedPrekey.id).toBe(6);
    expect(await publish.signed(owner, prekey)).toEqual(first);
    expect(await platform.call(countPrekeys, owner)).toEqual({
      oneTimePrekeys: 0,
      oneTimeMark: 0,
      signedPrekey: 6,
    });
  });

  test('is refused unless the identity signed exactly this key, id and suites', async () => {
    const owner = newOwner();
    await publish.identity(owner);
    const good = signedPrekey(owner);
    const flipped = Uint8Array.from(good.signature, (byte, at) => (at === 3 ? byte ^ 1 : byte));
    const forged = [
      { ...good, signature: flipped },
      { ...good, id: 2 },
      { ...good, suites: [2] },
      { ...good, publicKey: signedPrekey(owner).publicKey },
      signedPrekey(newOwner()),
    ];
    for (const body of forged) {
      expect(await platform.call.problem(publishSignedPrekey, owner, { body })).toMatchObject({
        code: 'key.signature-invalid',
        status: 422,
      });
    }
    const body = { ...good, suites: [2, 1] };
    expect(await platform.call.problem(publishSignedPrekey, owner, { body })).toMatchObject({
      code: 'request.invalid',
    });
    await publish.signed(owner, good);
  });

  test('with one of the signatures that only a loose verifier would take is refused, or its identity is', async () => {
    const vectors = [
      ...cctv.map(({ key, sig }) => ({ key, signature: sig })),
      ...speccheck.map(({ pub_key, signature }) => ({ key: pub_key, signature })),
    ];
    const refusals = { identity: 0, signature: 0 };
    for (const [key, same] of Map.groupBy(vectors, (vector) => vector.key)) {
      const owner = newOwner();
      const body = { identityKey: fromHex(key), registrationId: 1 };
      const isSound = await platform.call(publishIdentity, owner, { body }).then(
        () => true,
        () => false,
      );
      if (!isSound) {
        expect(await platform.call.problem(publishIdentity, owner, { body })).toMatchObject({
          ...{ code: 'key.key-invalid', status: 422, fields: ['identityKey'] },
        });
        refusals.identity += 1;
        continue;
      }
      for (const { signature } of same) {
        const prekey = { ...signedPrekey(owner), signature: fromHex(signature) };
        expect(
          await platform.call.problem(publishSignedPrekey, owner, { body: prekey }),
        ).toMatchObject({ code: 'key.signature-invalid' });
        refusals.signature += 1;
      }
    }
    expect(refusals.identity).toBeGreaterThan(10);
    expect(refusals.signature).toBeGreaterThan(10);
  }, 120_000);

  test('with a signature that a loose verifier would take for the same is refused', async () => {
    const owner = newOwner();
    await publish.identity(owner);
    const good = signedPrekey(owner);
    const body = { ...good, signature: withOrderAdded(good.signature) };
    expect(await platform.call.problem(publishSignedPrekey, owner, { body })).toMatchObject({
      code: 'key.signature-invalid',
    });
    await publish.signed(owner, good);
    const { encoded } = deviceList([owner]);
    const list = Buffer.concat([encoded.subarray(0, -64), withOrderAdded(encoded.subarray(-64))]);
    expect(await platform.call.problem(publishDeviceList, owner, { body: { list } })).toMatchObject(
      { code: 'key.signature-invalid' },
    );
  });

  /** S + L in the place of S: the same number modulo the order of the group. */
  function withOrderAdded(signature: Uint8Array): Uint8Array {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const hex = Buffer.from(signature.subarray(32)).reverse().toString('hex');
    const sum = (BigInt(`0x${hex}`) + order).toString(16).padStart(64, '0');
    return Buffer.concat([signature.subarray(0, 32), Buffer.from(sum, 'hex').reverse()]);
  }
});

describe('one-time prekeys', () => {
  test('are counted, and stored once however often they are sent', async () => {
    const owner = newOwner();
    await publish.identity(owner);
    const prekeys = oneTimePrekeys(1, 10);
    expect(await publish.oneTime(owner, prekeys)).toEqual({ available: 10 });
    expect(await publish.oneTime(owner, prekeys)).toEqual({ available: 10 });
    const parallel = oneTimePrekeys(11, 10);
    const answers = await Promise.all([1, 2, 3].map(() => publish.oneTime(owner, parallel)));
    expect(answers).toEqual(answers.map(() => ({ available: 20 })));
    expect(await platform.call(countPrekeys, owner)).toEqual({
      oneTimePrekeys: 20,
      oneTimeMark: 20,
    });
  });

  test('with an id that is taken are refused by name, and none of the upload is stored', async () => {
    const owner = newOwner();
    await publish.identity(owner);
    await publish.oneTime(owner, oneTimePrekeys(10, 3));
    const [same] = oneTimePrekeys(11, 1);
    const prekeys = [...oneTimePrekeys(20, 1), same, ...oneTimePrekeys(9, 1)];
    const body = { prekeys };
    expect(await platform.call.problem(publishOneTimePrekeys, owner, { body })).toMatchObject({
      code: 'key.id-conflict',
      status: 409,
      fields: ['prekeys.1', 'prekeys.2'],
    });
    expect(await platform.call(countPrekeys, owner)).toMatchObject({ oneTimePrekeys: 3 });
  });

  test('are at most 200 for a device', async () => {
    const owner = newOwner();
    await publish.identity(owner);
    await publish.oneTime(owner, oneTimePrekeys(1, 100));
    await publish.oneTime(owner, oneTimePrekeys(101, 100));
    const body = { prekeys: oneTimePrekeys(201, 1) };
    expect(await platform.call.problem(publishOneTimePrekeys, owner, { body })).toMatchObject({
      code: 'key.too-many',
    });
  });

  test('that are repeated in one upload are refused', async () => {
    const owner = newOwner();
    await publish.identity(owner);
    const body = { prekeys: [...oneTimePrekeys(1, 1), ...oneTimePrekeys(1, 1)] };
    expect(await platform.call.problem(publishOneTimePrekeys, owner, { body })).toMatchObject({
      code: 'request.invalid',
      fields: ['prekeys.1'],
    });
  });

  test('that are no sound public keys are refused by name, alone or as signed prekeys', async () => {
    const owner = newOwner();
    await publish.identity(owner);
    const unsound = [
      ...bad.low_order,
      ...bad.low_order_high_bit_set,
      ...bad.non_canonical,
      bad.high_bit_set_same_key,
      ...bad.torsioned_same_dh.map((entry) => entry.public),
    ];
    for (const hex of unsound) {
      const publicKey = fromHex(hex);
      const body = { prekeys: [...oneTimePrekeys(1, 2), { id: 3, publicKey }] };
      expect(
        await platform.call.problem(publishOneTimePrekeys, owner, { body }),
        hex,
      ).toMatchObject({ code: 'key.key-invalid', status: 422, fields: ['prekeys.2'] });
      const signed = { ...signedPrekey(owner), publicKey };
      expect(
        await platform.call.problem(publishSignedPrekey, owner, { body: signed }),
        hex,
      ).toMatchObject({ code: 'key.key-invalid' });
    }
    for (const hex of bad.wrong_length) {
      const publicKey = Buffer.from(hex, 'hex').toString('base64url');
      const json = { prekeys: [{ id: 1, publicKey }] };
      expect(await platform.call.problem(publishOneTimePrekeys, owner, { json })).toMatchObject({
        code: 'request.invalid',
      });
    }
    expect(await platform.call(countPrekeys, owner)).toMatchObject({ oneTimePrekeys: 0 });
  });
});
