/** Work on keys with the engine's own curves: every outside vector, and every outcome as without them. */
import { describe, expect, test } from 'vitest';
import cctv from '../vectors/ed25519-edge/cctv_ed25519vectors.json' with { type: 'json' };
import speccheck from '../vectors/ed25519-edge/speccheck_cases.json' with { type: 'json' };
import x25519Vectors from '../vectors/wycheproof/x25519_test.json' with { type: 'json' };
import bad from '../vectors/xdh-dr/x25519_bad_public_keys.json' with { type: 'json' };
import { utf8 } from './bytes.ts';
import { withCode } from './crypto-error.fixture.ts';
import { verifySignature } from './ed25519.ts';
import { fromHex, toHex } from './hex.fixture.ts';
import { openKeyWork } from './key-work.ts';
import { aliceAddress, bobAddress, bundleOf, makeParty, start } from './parties.fixture.ts';
import { type PrekeyBundle, verifyBundle } from './prekeys.ts';
import type { Provider, SignedMessage } from './provider.ts';
import { webProvider } from './provider-web.ts';
import { fastProvider, seededProvider } from './providers.fixture.ts';
import { encodeSessionRecord } from './session-record.ts';
import { classicSuite } from './suite-classic.ts';

const elsewhere = await webProvider.elsewhere?.();
const work = await openKeyWork(webProvider);

describe('the curves of the engine', () => {
  test('are there', () => {
    expect(elsewhere).toBeDefined();
  });

  test('compute all Wycheproof X25519 secrets and refuse the all-zero ones', async () => {
    for (const group of x25519Vectors.testGroups) {
      for (const { private: secret, public: key, shared, flags } of group.tests) {
        const computing = elsewhere!.x25519(fromHex(secret), fromHex(key));
        if (!flags.includes('ZeroSharedSecret')) expect(toHex(await computing)).toBe(shared);
        else await expect(computing).rejects.toThrow(withCode('key.low-order'));
      }
    }
  });

  test('make the public keys that ours make', async () => {
    for (let count = 0; count < 8; count++) {
      const secret = fastProvider.randomBytes(32);
      const expected = fastProvider.x25519PublicKey(secret);
      expect(await elsewhere!.x25519PublicKey(secret)).toEqual(expected);
    }
  });

  test('judge signatures at the edge of what is one as ours do', async () => {
    const signatures: SignedMessage[] = [
      ...cctv.map(({ key, sig, msg }) => ({
        publicKey: fromHex(key),
        message: utf8(msg),
        signature: fromHex(sig),
      })),
      ...speccheck.map(({ message, pub_key, signature }) => ({
        publicKey: fromHex(pub_key),
        message: fromHex(message),
        signature: fromHex(signature),
      })),
    ];
    for (const signed of signatures) {
      const expected = verifySignature(fastProvider, signed);
      const verdict = await work((provider) => verifySignature(provider, signed));
      expect(verdict, toHex(signed.signature)).toBe(expected);
    }
  });
});

describe('work over results that come later', () => {
  const alice = makeParty(fastProvider, aliceAddress);
  const bob = makeParty(fastProvider, bobAddress);
  const bundle = bundleOf(alice);
  const verify = (change: Partial<PrekeyBundle> = {}) =>
    work((provider) => verifyBundle(provider, { ...bundle, ...change }));

  test('comes to what it comes to at once, with the same random bytes', async () => {
    expect(await verify()).toEqual(verifyBundle(fastProvider, bundle));
    const begin = (provider: Provider) =>
      start({ ...bob, deps: { provider, suite: classicSuite } }, alice);
    const expected = begin(seededProvider(fastProvider, 'a session'));
    const seeded = seededProvider(webProvider, 'a session');
    const begun = await (await openKeyWork(seeded))(begin);
    const encode = (record: typeof expected) => toHex(encodeSessionRecord(classicSuite, record));
    expect(encode(begun)).toBe(encode(expected));
  });

  test('draws random bytes once, and others for each work', async () => {
    const draw = (provider: Provider) => {
      const secret = provider.randomBytes(32);
      return [secret, provider.x25519PublicKey(secret), provider.randomBytes(4)];
    };
    const [one, other] = await Promise.all([work(draw), work(draw)]);
    expect(one![1]).toEqual(fastProvider.x25519PublicKey(one![0]!));
    expect(one![0]).not.toEqual(other![0]);
    expect(one![0]!.subarray(0, 4)).not.toEqual(one![2]);
  });

  test('refuses what is refused at once, with the same code', async () => {
    const { signedPrekey } = bundle;
    const signature = signedPrekey.signature.with(5, signedPrekey.signature[5]! ^ 1);
    const [torsion] = bad.torsioned_same_dh;
    const oneTimePrekey = { id: 1, publicKey: fromHex(torsion!.public) };
    for (const [change, code] of [
      [{ signedPrekey: { ...signedPrekey, signature } }, 'signature.invalid'],
      [{ oneTimePrekey }, 'key.torsion'],
      [{ registrationId: 0 }, 'encoding.invalid'],
    ] as const) {
      expect(() => verifyBundle(fastProvider, { ...bundle, ...change })).toThrow(withCode(code));
      await expect(verify(change)).rejects.toThrow(withCode(code));
    }
  });

  test('is done before the call returns where there is nowhere else', async () => {
    const atOnce = await openKeyWork({ ...fastProvider, elsewhere: async () => undefined });
    let isDone = false;
    const done = atOnce((provider) => {
      isDone = true;
      return provider.sha256(new Uint8Array(0));
    });
    expect(isDone).toBe(true);
    expect(await done).toEqual(fastProvider.sha256(new Uint8Array(0)));
  });
});
