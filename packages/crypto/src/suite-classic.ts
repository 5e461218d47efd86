/** The suite "classic": X3DH with Ed25519 identities, the Double Ratchet, and their messages. */
import { type Address, encodeUuid } from './address.ts';
import { concat } from './bytes.ts';
import {
  agreementSecretOf,
  checkAgreementKey,
  checkTorsionFree,
  makeAgreementKeyPair,
} from './curve.ts';
import { acceptRatchet, ratchetDecrypt, ratchetEncrypt, startRatchet } from './double-ratchet.ts';
import { checkedAgreementKeyOf } from './ed25519.ts';
import { CryptoError } from './errors.ts';
import { KDF_LABELS } from './kdf.ts';
import { firstRatchetKeyPair, type IdentityKey, type SymmetricKey, verifyingKey } from './keys.ts';
import type { Provider } from './provider.ts';
import { decodeRatchetState, encodeRatchetState, type RatchetState } from './ratchet-state.ts';
import type {
  AcceptInput,
  FirstMessageFacts,
  HandshakeInput,
  Initiated,
  InitiateInput,
  MessageFacts,
  PrekeySource,
  Suite,
} from './suite.ts';
import { SUITE_CLASSIC, WIRE_VERSION } from './suites.ts';
import { decodeHandshake, encodeFirstMessage, encodeHandshake, parseMessage } from './wire.ts';
import { initiatorKeyMaterial, responderKeyMaterial, sharedSecret } from './x3dh.ts';

/** Pass it with a provider to the functions of `session.ts`. */
export const classicSuite: Suite<RatchetState> = {
  id: SUITE_CLASSIC,
  initiate,
  sessionIdOf,
  accept,
  inspect,
  withHandshake: encodeFirstMessage,
  encrypt: ratchetEncrypt,
  decrypt: ratchetDecrypt,
  encode: encodeRatchetState,
  decode: decodeRatchetState,
};

function initiate(
  provider: Provider,
  { local, bundle, remoteAddress }: InitiateInput,
): Initiated<RatchetState> {
  const base = makeAgreementKeyPair<'base'>(provider);
  const handshake = encodeHandshake({
    registrationId: local.registrationId,
    signedPrekeyId: bundle.signedPrekey.id,
    oneTimePrekeyId: bundle.oneTimePrekey?.id,
    identityKey: local.identity.publicKey,
    baseKey: base.publicKey,
  });
  const sessionId = transcriptHash(provider, {
    initiator: local.address,
    responder: remoteAddress,
    responderIdentity: bundle.identityKey,
    handshake,
  });
  const keyMaterial = initiatorKeyMaterial(provider, {
    identitySecret: agreementSecretOf(provider, local.identity.seed),
    baseSecret: base.secretKey,
    remoteIdentity: bundle.identityAgreementKey,
    remoteSignedPrekey: bundle.signedPrekey.publicKey,
    remoteOneTimePrekey: bundle.oneTimePrekey?.publicKey,
  });
  const secret = sessionSecret(provider, keyMaterial, sessionId);
  const start = { secret, associatedData: sessionId };
  return {
    sessionId,
    handshake,
    state: startRatchet(provider, start, bundle.signedPrekey.publicKey),
  };
}

function sessionIdOf(
  provider: Provider,
  { local, remoteAddress, first }: HandshakeInput,
): Uint8Array {
  return transcriptHash(provider, {
    initiator: remoteAddress,
    responder: local.address,
    responderIdentity: local.identity.publicKey,
    handshake: first.handshake,
  });
}

function accept(
  provider: Provider,
  { local, sessionId, first, prekeys }: AcceptInput,
): RatchetState {
  const { signedPrekey, oneTimePrekey } = findPrekeys(prekeys, first);
  const { baseKey } = decodeHandshake(first.handshake);
  const remoteBase = checkAgreementKey<'base'>(baseKey);
  checkTorsionFree(provider, remoteBase);
  const keyMaterial = responderKeyMaterial(provider, {
    identitySecret: agreementSecretOf(provider, local.identity.seed),
    signedPrekeySecret: signedPrekey.secretKey,
    oneTimePrekeySecret: oneTimePrekey?.secretKey,
    remoteIdentity: checkedAgreementKeyOf(provider, first.identityKey),
    remoteBase,
  });
  const secret = sessionSecret(provider, keyMaterial, sessionId);
  const start = { secret, associatedData: sessionId };
  return acceptRatchet(start, firstRatchetKeyPair(signedPrekey));
}

function findPrekeys(prekeys: PrekeySource, first: FirstMessageFacts) {
  const signedPrekey = prekeys.signedPrekey(first.signedPrekeyId);
  if (!signedPrekey) throw new CryptoError('prekey.unknown', 'the signed prekey is not held');
  const { oneTimePrekeyId } = first;
  if (oneTimePrekeyId === undefined) return { signedPrekey, oneTimePrekey: undefined };
  const oneTimePrekey = prekeys.oneTimePrekey(oneTimePrekeyId);
  if (!oneTimePrekey) throw new CryptoError('prekey.unknown', 'the one-time prekey is not held');
  return { signedPrekey, oneTimePrekey };
}

function inspect(message: Uint8Array): MessageFacts {
  const parsed = parseMessage(message);
  if (parsed.kind === 'ongoing') return parsed;
  const { registrationId, signedPrekeyId, oneTimePrekeyId, identityKey } = decodeHandshake(
    parsed.handshake,
  );
  return {
    ...parsed,
    registrationId,
    signedPrekeyId,
    oneTimePrekeyId,
    identityKey: verifyingKey(identityKey),
  };
}

/** The labelled transcript goes into the derivation too: a session is its transcript. */
function sessionSecret(
  provider: Provider,
  keyMaterial: Uint8Array,
  sessionId: Uint8Array,
): SymmetricKey<'shared'> {
  return sharedSecret(provider, keyMaterial, concat(KDF_LABELS.x3dh, sessionId));
}

/**
 * AD of X3DH section 3.3, hashed: version, suite, both addresses, both identities (the initiator's is
 * in the handshake) and the whole handshake. All fields have fixed lengths.
 */
function transcriptHash(
  provider: Provider,
  facts: {
    readonly initiator: Address;
    readonly responder: Address;
    readonly responderIdentity: IdentityKey;
    readonly handshake: Uint8Array;
  },
): Uint8Array {
  return provider.sha256(
    concat(
      KDF_LABELS.transcript,
      Uint8Array.of(WIRE_VERSION, SUITE_CLASSIC),
      encodeUuid(facts.initiator.user),
      encodeUuid(facts.initiator.device),
      encodeUuid(facts.responder.user),
      encodeUuid(facts.responder.device),
      facts.responderIdentity,
      facts.handshake,
    ),
  );
}
