/**
 * The vectors that this project publishes: one function per file of `vectors/sotto`. Each draws its
 * randomness from a provider that is seeded with the file's name, so every provider gives one result.
 * `node scripts/vectors.ts` writes them; `own-vectors.test.ts` compares.
 */

import { type Address, encodeUuid } from './address.ts';
import { SALT_BYTES } from './aead.ts';
import { BACKUP_SALT_BYTES, backupKeysOf, RECOVERY_KEY_BYTES } from './backup-key.ts';
import { utf8 } from './bytes.ts';
import { messageSeed, nextChain } from './chain.ts';
import { agreementKeyOf, agreementSecretOf, makeAgreementKeyPair } from './curve.ts';
import { acceptRatchet, ratchetDecrypt, ratchetEncrypt, startRatchet } from './double-ratchet.ts';
import { signingKeyPairOf } from './ed25519.ts';
import { sealEnvelope } from './envelope.ts';
import { toHex } from './hex.fixture.ts';
import { KDF_LABELS } from './kdf.ts';
import { firstRatchetKeyPair, signingSeed, symmetricKey, withCurveType } from './keys.ts';
import {
  deviceListsDigestVectors,
  deviceListVectors,
  keyLogVectors,
  membershipLogVectors,
  provisioningVectors,
  senderKeyVectors,
} from './own-log-vectors.fixture.ts';
import { pad } from './padding.ts';
import {
  aliceAddress,
  bobAddress,
  bundleOf,
  decrypt,
  encrypt,
  makeParty,
  now,
  type Party,
  start,
} from './parties.fixture.ts';
import type { Provider } from './provider.ts';
import { seededProvider } from './providers.fixture.ts';
import { encodeRatchetState, type RatchetState } from './ratchet-state.ts';
import { encodeSessionRecord } from './session-record.ts';
import { classicSuite } from './suite-classic.ts';
import { initiatorKeyMaterial, sharedSecret } from './x3dh.ts';

type Vectors = Record<string, unknown>;

/** File name, without its ending, and what it holds. */
export const ownVectors: Readonly<Record<string, (provider: Provider) => Vectors>> = {
  identity: identityVectors,
  chain: chainVectors,
  envelope: envelopeVectors,
  x3dh: x3dhVectors,
  ratchet: ratchetVectors,
  session: sessionVectors,
  'sender-key': senderKeyVectors,
  'device-list': deviceListVectors,
  'device-lists-digest': deviceListsDigestVectors,
  'membership-log': membershipLogVectors,
  'key-log': keyLogVectors,
  provisioning: provisioningVectors,
  backup: backupVectors,
};

/** The vectors of one file, on a provider that is seeded with the file's name. */
export function makeOwnVectors(provider: Provider, name: string): Vectors {
  return ownVectors[name]!(seededProvider(provider, name));
}

/** A recovery key and the salt of a backup, and the keys that are derived from them. */
function backupVectors(provider: Provider): Vectors {
  const recoveryKey = provider.randomBytes(RECOVERY_KEY_BYTES);
  const salt = provider.randomBytes(BACKUP_SALT_BYTES);
  const { fileKey, check } = backupKeysOf(provider, recoveryKey, salt);
  return {
    recovery_key: toHex(recoveryKey),
    salt: toHex(salt),
    file_key: toHex(fileKey),
    check: toHex(check),
  };
}

/** One seed, in the form that is published and in the forms that are derived from it. */
function identityVectors(provider: Provider): Vectors {
  const cases = Array.from({ length: 4 }, () => {
    const seed = signingSeed<'identity'>(provider.randomBytes(32));
    const { publicKey } = signingKeyPairOf(provider, seed);
    return {
      seed: toHex(seed),
      edwards: toHex(publicKey),
      x25519_secret: toHex(agreementSecretOf(provider, seed)),
      montgomery: toHex(agreementKeyOf(publicKey)),
      with_type: toHex(withCurveType(agreementKeyOf(publicKey))),
    };
  });
  return { cases };
}

/** Chain key to message seeds; seed and salt to the key and nonce of AES-256-GCM. */
function chainVectors(provider: Provider): Vectors {
  let chain = { key: symmetricKey<'chain'>(provider.randomBytes(32)), counter: 0 };
  const chain_key = toHex(chain.key);
  const messages = Array.from({ length: 3 }, () => {
    const seed = messageSeed(provider, chain);
    chain = nextChain(provider, chain);
    const salt = provider.randomBytes(SALT_BYTES);
    const output = provider.hkdfSha256({
      keyMaterial: seed,
      salt,
      info: KDF_LABELS.message,
      length: 44,
    });
    return {
      seed: toHex(seed),
      next_chain_key: toHex(chain.key),
      salt: toHex(salt),
      key: toHex(output.slice(0, 32)),
      nonce: toHex(output.slice(32)),
    };
  });
  return { chain_key, messages };
}

function envelopeVectors(): Vectors {
  const head = (version: number, fill: number) => ({
    version,
    hash: new Uint8Array(32).fill(fill),
  });
  const minimal = {
    conversation: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4c01',
    message: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4e01',
    sender: aliceAddress,
    counter: 1,
    time: now,
    deviceLists: [],
    content: utf8('hello'),
  };
  const full = {
    ...minimal,
    membership: head(3, 0x11),
    keyLog: head(4, 0x22),
    deviceLists: [{ user: bobAddress.user, ...head(5, 0x33) }],
  };
  return {
    minimal: toHex(sealEnvelope(minimal)),
    full: toHex(sealEnvelope(full)),
    control: toHex(sealEnvelope({ ...minimal, control: true })),
    padding_of_256_bytes: toHex(pad(new Uint8Array(256).fill(0x61))),
  };
}

/** The initiator's key material and secret, with and without a one-time prekey. */
function x3dhVectors(provider: Provider): Vectors {
  const cases = [true, false].map((oneTime) => {
    const initiator = makeAgreementKeyPair<'identity'>(provider);
    const base = makeAgreementKeyPair<'base'>(provider);
    const responder = makeAgreementKeyPair<'identity'>(provider);
    const signedPrekey = makeAgreementKeyPair<'signed-prekey'>(provider);
    const oneTimePrekey = oneTime ? makeAgreementKeyPair<'one-time-prekey'>(provider) : undefined;
    const keyMaterial = initiatorKeyMaterial(provider, {
      identitySecret: initiator.secretKey,
      baseSecret: base.secretKey,
      remoteIdentity: responder.publicKey,
      remoteSignedPrekey: signedPrekey.publicKey,
      remoteOneTimePrekey: oneTimePrekey?.publicKey,
    });
    return {
      initiator_identity_secret: toHex(initiator.secretKey),
      base_secret: toHex(base.secretKey),
      responder_identity_secret: toHex(responder.secretKey),
      signed_prekey_secret: toHex(signedPrekey.secretKey),
      one_time_prekey_secret: oneTimePrekey ? toHex(oneTimePrekey.secretKey) : null,
      key_material: toHex(keyMaterial),
      info: toHex(KDF_LABELS.x3dh),
      shared_secret: toHex(sharedSecret(provider, keyMaterial, KDF_LABELS.x3dh)),
    };
  });
  return { cases };
}

/** A ratchet from its shared secret on: two turns each way, one message late, all states. */
function ratchetVectors(provider: Provider): Vectors {
  const signedPrekey = makeAgreementKeyPair<'signed-prekey'>(provider);
  const begin = {
    secret: symmetricKey<'shared'>(provider.randomBytes(32)),
    associatedData: provider.randomBytes(32),
  };
  const states: Record<'initiator' | 'responder', RatchetState> = {
    initiator: startRatchet(provider, begin, signedPrekey.publicKey),
    responder: acceptRatchet(begin, firstRatchetKeyPair(signedPrekey)),
  };
  const steps: Vectors[] = [];
  const send = (side: 'initiator' | 'responder', text: string) => {
    const { state, message } = ratchetEncrypt(provider, states[side], utf8(text));
    states[side] = state;
    steps.push({
      send: side,
      text,
      message: toHex(message),
      state: toHex(encodeRatchetState(state)),
    });
    return message;
  };
  const receive = (side: 'initiator' | 'responder', message: Uint8Array) => {
    const { state } = ratchetDecrypt(provider, states[side], message);
    states[side] = state;
    steps.push({ receive: side, message: toHex(message), state: toHex(encodeRatchetState(state)) });
  };
  const initial_states = {
    initiator: toHex(encodeRatchetState(states.initiator)),
    responder: toHex(encodeRatchetState(states.responder)),
  };
  receive('responder', send('initiator', 'one'));
  const late = send('initiator', 'two, late');
  receive('initiator', send('responder', 'three'));
  receive('responder', send('initiator', 'four'));
  receive('responder', late);
  receive('initiator', send('responder', 'five'));
  return {
    secret: toHex(begin.secret),
    associated_data: toHex(begin.associatedData),
    signed_prekey_secret: toHex(signedPrekey.secretKey),
    initial_states,
    steps,
  };
}

/** Two devices from their seeds on: bundle, first message, answer, and the stored records. */
function sessionVectors(provider: Provider): Vectors {
  const alice = makeParty(provider, aliceAddress);
  const bob = makeParty(provider, bobAddress);
  const describeParty = (party: Party, address: Address) => ({
    user: toHex(encodeUuid(address.user)),
    device: toHex(encodeUuid(address.device)),
    registration_id: party.local.registrationId,
    identity_seed: toHex(party.local.identity.seed),
    signed_prekey: {
      id: party.signedPrekey.id,
      suites: party.signedPrekey.suites,
      secret: toHex(party.signedPrekey.keyPair.secretKey),
      signature: toHex(party.signedPrekey.signature),
    },
    one_time_prekey: {
      id: party.oneTimePrekeys[0]!.id,
      secret: toHex(party.oneTimePrekeys[0]!.keyPair.secretKey),
    },
  });
  const parties = {
    initiator: describeParty(alice, aliceAddress),
    responder: describeParty(bob, bobAddress),
  };
  const recordOf = (record: Parameters<typeof encodeSessionRecord<RatchetState>>[1]) =>
    toHex(encodeSessionRecord(classicSuite, record));
  const { oneTimePrekey } = bundleOf(bob);
  const first = encrypt(bob, start(alice, bob), utf8('hello'));
  const received = decrypt(bob, alice, { record: undefined, message: first.message });
  const answer = encrypt(alice, received.record, utf8('hello yourself'));
  const answered = decrypt(alice, bob, { record: first.record, message: answer.message });
  return {
    time: now,
    ...parties,
    bundle_one_time_prekey_id: oneTimePrekey!.id,
    first_message: { text: 'hello', message: toHex(first.message) },
    initiator_record_after_sending: recordOf(first.record),
    responder_record_after_receiving: recordOf(received.record),
    answer: { text: 'hello yourself', message: toHex(answer.message) },
    responder_record_after_answering: recordOf(answer.record),
    initiator_record_after_the_answer: recordOf(answered.record),
  };
}
