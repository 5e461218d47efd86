/**
 * The Double Ratchet (Signal's specification, revision 4, without header encryption), suite classic.
 * Pure transitions: a state and an input give a new state and an output, or throw, and the old state
 * is untouched. Knows no sessions, no identities and no storage.
 */
import { openMessage, SALT_BYTES, sealMessage } from './aead.ts';
import { concat, equal } from './bytes.ts';
import { type Chain, messageSeed, nextChain, seedsUpTo } from './chain.ts';
import { agree, checkAgreementKey, makeAgreementKeyPair } from './curve.ts';
import { CryptoError } from './errors.ts';
import { derivePair, KDF_LABELS } from './kdf.ts';
import {
  type AgreementKeyPair,
  type AgreementPublicKey,
  agreementPublicKey,
  type SymmetricKey,
  symmetricKey,
} from './keys.ts';
import { COUNTER_MAX, SKIP_PER_STEP_MAX } from './limits.ts';
import type { Provider } from './provider.ts';
import type { RatchetState } from './ratchet-state.ts';
import {
  addSkipped,
  mergeSkipped,
  noSkippedKeys,
  type SkippedKeys,
  takeSkipped,
} from './skipped-keys.ts';
import { decodeRatchetMessage, encodeHeader, type RatchetMessage } from './wire.ts';

/** What key agreement hands to the ratchet: SK and AD of section 3.3. */
export interface RatchetStart {
  readonly secret: SymmetricKey<'shared'>;
  /** 32 bytes. */
  readonly associatedData: Uint8Array;
}

/** The state after sending, with the message. Save the state before the message leaves. */
export interface Encrypted {
  readonly state: RatchetState;
  readonly message: Uint8Array;
}

/** The state after receiving, with the plaintext. Save the state before the plaintext is shown. */
export interface Decrypted {
  readonly state: RatchetState;
  readonly plaintext: Uint8Array;
}

/** RatchetInitAlice of section 3.3: the first sending chain is made against their signed prekey. */
export function startRatchet(
  provider: Provider,
  { secret, associatedData }: RatchetStart,
  signedPrekey: AgreementPublicKey<'signed-prekey'>,
): RatchetState {
  const ours = makeAgreementKeyPair<'ratchet'>(provider);
  const ratchetKey = agreementPublicKey<'ratchet'>(signedPrekey);
  const step = rootStep(provider, { rootKey: symmetricKey(secret), ours, theirs: ratchetKey });
  return {
    associatedData,
    rootKey: step.rootKey,
    ours,
    remote: { ratchetKey, chain: undefined },
    sending: step.chain,
    previousCounter: 0,
    skipped: noSkippedKeys,
  };
}

/** RatchetInitBob of section 3.3: the signed prekey is the first ratchet key. */
export function acceptRatchet(
  { secret, associatedData }: RatchetStart,
  ours: AgreementKeyPair<'ratchet'>,
): RatchetState {
  return {
    associatedData,
    rootKey: symmetricKey(secret),
    ours,
    remote: undefined,
    sending: undefined,
    previousCounter: 0,
    skipped: noSkippedKeys,
  };
}

/**
 * RatchetEncrypt of section 3.4. Throws `session.expired` when the chain has no counter left, and
 * `session.none` for an accepted ratchet that has not decrypted anything, which cannot send.
 */
export function ratchetEncrypt(
  provider: Provider,
  state: RatchetState,
  plaintext: Uint8Array,
): Encrypted {
  const ready = state.sending ? state : withSendingChain(provider, state);
  const sending = ready.sending!;
  if (sending.counter > COUNTER_MAX) {
    throw new CryptoError('session.expired', 'the sending chain has no counter left');
  }
  const salt = provider.randomBytes(SALT_BYTES);
  const header = encodeHeader({
    ratchetKey: ready.ours.publicKey,
    previousCounter: ready.previousCounter,
    counter: sending.counter,
    salt,
  });
  const input = {
    seed: messageSeed(provider, sending),
    salt,
    label: KDF_LABELS.message,
    associatedData: concat(state.associatedData, header),
  };
  const ciphertext = sealMessage(provider, input, plaintext);
  return {
    state: { ...ready, sending: nextChain(provider, sending) },
    message: concat(header, ciphertext),
  };
}

/**
 * RatchetDecrypt of section 3.5. Throws `message.undecryptable` when it does not authenticate,
 * `message.duplicate` when its key is gone, `message.too-far-ahead` before any derivation when it
 * would skip more than 1 000 messages of a chain, `key.*` or `encoding.*` for a malformed header.
 */
export function ratchetDecrypt(
  provider: Provider,
  state: RatchetState,
  encoded: Uint8Array,
): Decrypted {
  const message = decodeRatchetMessage(encoded);
  const taken = takeSkipped(state.skipped, message);
  if (taken !== undefined) {
    const plaintext = open(provider, { state, message, seed: taken.seed });
    return { state: { ...state, skipped: taken.rest }, plaintext };
  }
  const chain = state.remote?.chain;
  if (chain !== undefined && equal(state.remote!.ratchetKey, message.ratchetKey)) {
    return receive(provider, { state, message, chain });
  }
  return receiveNewKey(provider, state, message);
}

/** A message under a chain whose key is `state.remote`'s: skips to its number, and one further. */
function receive(
  provider: Provider,
  input: { readonly state: RatchetState; readonly message: RatchetMessage; readonly chain: Chain },
): Decrypted {
  const { state, message, chain } = input;
  if (message.counter < chain.counter) {
    throw new CryptoError('message.duplicate', 'the key of this message is gone');
  }
  assertWithinReach(chain.counter, message.counter);
  const skip = seedsUpTo(provider, chain, message.counter);
  const plaintext = open(provider, { state, message, seed: messageSeed(provider, skip.chain) });
  const ratchetKey = state.remote!.ratchetKey;
  const skipped = addSkipped(state.skipped, { ratchetKey, counter: chain.counter }, skip.seeds);
  const remote = { ratchetKey, chain: nextChain(provider, skip.chain) };
  return { state: { ...state, remote, skipped }, plaintext };
}

/**
 * The first message that we see under a new ratchet key: DHRatchet of section 3.5, of which only the
 * receiving half is done now. The rest of the previous chain is derived once the message has
 * authenticated, so a forged message costs one agreement.
 */
function receiveNewKey(
  provider: Provider,
  state: RatchetState,
  message: RatchetMessage,
): Decrypted {
  const ratchetKey = checkAgreementKey<'ratchet'>(message.ratchetKey);
  const previous = state.remote?.chain;
  if (previous) assertWithinReach(previous.counter, message.previousCounter);
  assertWithinReach(0, message.counter);
  const { rootKey, ours } = state;
  const step = rootStep(provider, { rootKey, ours, theirs: ratchetKey });
  const stepped: RatchetState = {
    ...state,
    rootKey: step.rootKey,
    remote: { ratchetKey, chain: step.chain },
    sending: undefined,
    previousCounter: state.sending?.counter ?? state.previousCounter,
    skipped: noSkippedKeys,
  };
  const received = receive(provider, { state: stepped, message, chain: step.chain });
  const skipped = skipRest(provider, state, message.previousCounter);
  return {
    state: { ...received.state, skipped: mergeSkipped(skipped, received.state.skipped) },
    plaintext: received.plaintext,
  };
}

/** SkipMessageKeys of section 3.5 for the chain that ends, up to its last message. */
function skipRest(provider: Provider, state: RatchetState, end: number): SkippedKeys {
  if (!state.remote?.chain) return state.skipped;
  const { ratchetKey, chain } = state.remote;
  const { seeds } = seedsUpTo(provider, chain, end);
  return addSkipped(state.skipped, { ratchetKey, counter: chain.counter }, seeds);
}

/** The sending half of DHRatchet: a new ratchet key, and a chain against their newest one. */
function withSendingChain(provider: Provider, state: RatchetState): RatchetState {
  if (!state.remote) throw new CryptoError('session.none', 'nothing was received to answer');
  const ours = makeAgreementKeyPair<'ratchet'>(provider);
  const theirs = state.remote.ratchetKey;
  const step = rootStep(provider, { rootKey: state.rootKey, ours, theirs });
  return { ...state, rootKey: step.rootKey, ours, sending: step.chain };
}

/** KDF_RK of section 5.2: HKDF with the root key as salt and the agreement as key material. */
function rootStep(
  provider: Provider,
  input: {
    readonly rootKey: SymmetricKey<'root'>;
    readonly ours: AgreementKeyPair<'ratchet'>;
    readonly theirs: AgreementPublicKey<'ratchet'>;
  },
): { readonly rootKey: SymmetricKey<'root'>; readonly chain: Chain } {
  const keyMaterial = agree(provider, input.ours.secretKey, input.theirs);
  const salt = input.rootKey;
  const [root, chain] = derivePair(provider, { keyMaterial, salt, info: KDF_LABELS.rootStep });
  return { rootKey: symmetricKey(root), chain: { key: symmetricKey(chain), counter: 0 } };
}

function assertWithinReach(from: number, to: number): void {
  if (to - from > SKIP_PER_STEP_MAX) {
    throw new CryptoError('message.too-far-ahead', 'too many messages would be skipped');
  }
}

function open(
  provider: Provider,
  input: {
    readonly state: RatchetState;
    readonly message: RatchetMessage;
    readonly seed: SymmetricKey<'message-seed'>;
  },
): Uint8Array {
  const { salt, encodedHeader, ciphertext } = input.message;
  const associatedData = concat(input.state.associatedData, encodedHeader);
  const keyInput = { seed: input.seed, salt, label: KDF_LABELS.message, associatedData };
  return openMessage(provider, keyInput, ciphertext);
}
