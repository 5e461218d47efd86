import { describe, expect, test } from 'vitest';
import omemo from '../vectors/xdh-dr/x3dh_with_opk_omemo.json' with { type: 'json' };
import { utf8 } from './bytes.ts';
import { agreementKeyPairOf, makeAgreementKeyPair } from './curve.ts';
import { fromHex, toHex } from './hex.fixture.ts';
import { agreementPublicKey, agreementSecretKey } from './keys.ts';
import { fastProvider, providers } from './providers.fixture.ts';
import { initiatorKeyMaterial, responderKeyMaterial, sharedSecret } from './x3dh.ts';

describe.each(providers)('X3DH on the $name provider', (provider) => {
  test('computes the key material and secret of the OMEMO responder', () => {
    const keyMaterial = responderKeyMaterial(provider, {
      identitySecret: agreementSecretKey(fromHex(omemo.bob_identity_private)),
      signedPrekeySecret: agreementSecretKey(fromHex(omemo.bob_spk_private)),
      oneTimePrekeySecret: agreementSecretKey(fromHex(omemo.bob_opk_private)),
      remoteIdentity: agreementPublicKey(fromHex(omemo.alice_identity_public)),
      remoteBase: agreementPublicKey(fromHex(omemo.alice_ephemeral_public)),
    });
    expect(toHex(keyMaterial)).toBe(omemo.ikm);
    const secret = sharedSecret(provider, keyMaterial, utf8('test_migrations'));
    expect(toHex(secret)).toBe(omemo.shared_secret);
  });

  test('gives the initiator of the OMEMO vector the same, from the public halves', () => {
    const pair = <Role extends 'identity' | 'signed-prekey' | 'one-time-prekey'>(hex: string) =>
      agreementKeyPairOf(provider, agreementSecretKey<Role>(fromHex(hex)));
    expect(toHex(pair(omemo.bob_identity_private).publicKey)).toBe(omemo.bob_identity_public);
    expect(toHex(pair(omemo.bob_spk_private).publicKey)).toBe(omemo.bob_spk_public);
    expect(toHex(pair(omemo.bob_opk_private).publicKey)).toBe(omemo.bob_opk_public);
    expect(toHex(pair(omemo.alice_identity_private).publicKey)).toBe(omemo.alice_identity_public);
  });
});

test.each([true, false])('both sides agree, with a one-time prekey: %s', (oneTime) => {
  const provider = fastProvider;
  const alice = makeAgreementKeyPair<'identity'>(provider);
  const base = makeAgreementKeyPair<'base'>(provider);
  const bob = makeAgreementKeyPair<'identity'>(provider);
  const signedPrekey = makeAgreementKeyPair<'signed-prekey'>(provider);
  const oneTimePrekey = oneTime ? makeAgreementKeyPair<'one-time-prekey'>(provider) : undefined;
  const initiator = initiatorKeyMaterial(provider, {
    identitySecret: alice.secretKey,
    baseSecret: base.secretKey,
    remoteIdentity: bob.publicKey,
    remoteSignedPrekey: signedPrekey.publicKey,
    remoteOneTimePrekey: oneTimePrekey?.publicKey,
  });
  const responder = responderKeyMaterial(provider, {
    identitySecret: bob.secretKey,
    signedPrekeySecret: signedPrekey.secretKey,
    oneTimePrekeySecret: oneTimePrekey?.secretKey,
    remoteIdentity: alice.publicKey,
    remoteBase: base.publicKey,
  });
  expect(responder).toEqual(initiator);
  expect(initiator).toHaveLength(oneTime ? 160 : 128);
});
