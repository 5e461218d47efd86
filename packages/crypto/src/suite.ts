/**
 * What the session layer needs of a cipher suite: a key agreement and a ratchet, with their
 * encodings. `State` is the suite's own; a session never looks inside.
 */
import type { Address } from './address.ts';
import type { AgreementKeyPair, Identity, IdentityKey } from './keys.ts';
import type { VerifiedBundle } from './prekeys.ts';
import type { Provider } from './provider.ts';

/** Our side of a session. */
export interface LocalParty {
  readonly identity: Identity;
  readonly address: Address;
  readonly registrationId: number;
}

/** Our stored prekeys, as far as a first message may name them. */
export interface PrekeySource {
  /** The key pair of this id, or undefined when it is not held any more. */
  signedPrekey(id: number): AgreementKeyPair<'signed-prekey'> | undefined;
  oneTimePrekey(id: number): AgreementKeyPair<'one-time-prekey'> | undefined;
}

/** A message from the transport, as far as it can be read without keys. Nothing in it is proven. */
export type MessageFacts =
  | {
      readonly kind: 'first';
      readonly identityKey: IdentityKey;
      readonly registrationId: number;
      readonly signedPrekeyId: number;
      readonly oneTimePrekeyId: number | undefined;
      readonly handshake: Uint8Array;
      readonly inner: Uint8Array;
    }
  | { readonly kind: 'ongoing'; readonly inner: Uint8Array };

/** The one that names a handshake. */
export type FirstMessageFacts = Extract<MessageFacts, { kind: 'first' }>;

/** Whom a session is started with. */
export interface InitiateInput {
  readonly local: LocalParty;
  readonly bundle: VerifiedBundle;
  readonly remoteAddress: Address;
}

/** A session as its initiator has it. */
export interface Initiated<State> {
  /** 32 bytes, the same on both sides, different for each session. */
  readonly sessionId: Uint8Array;
  /** Goes before every message until the first answer. */
  readonly handshake: Uint8Array;
  readonly state: State;
}

/** A first message, and who is said to have sent it. */
export interface HandshakeInput {
  readonly local: LocalParty;
  readonly remoteAddress: Address;
  readonly first: FirstMessageFacts;
}

/** A first message whose session is not known yet. */
export interface AcceptInput extends HandshakeInput {
  /** What {@link Suite.sessionIdOf} gave for it. */
  readonly sessionId: Uint8Array;
  readonly prekeys: PrekeySource;
}

/** A cipher suite. All functions throw `CryptoError` and change nothing. */
export interface Suite<State> {
  /** Number of the suite in signed prekeys and messages. */
  readonly id: number;

  /** Starts a session with a bundle. */
  initiate(provider: Provider, input: InitiateInput): Initiated<State>;
  /** The id of the session that a first message belongs to, without any agreement. */
  sessionIdOf(provider: Provider, input: HandshakeInput): Uint8Array;
  /** The other end of {@link Suite.initiate}. Throws `prekey.unknown` and `key.*`. */
  accept(provider: Provider, input: AcceptInput): State;

  /** Takes a message apart. Throws `encoding.*`. */
  inspect(message: Uint8Array): MessageFacts;
  /** Puts a handshake before a message. */
  withHandshake(handshake: Uint8Array, message: Uint8Array): Uint8Array;

  encrypt(
    provider: Provider,
    state: State,
    plaintext: Uint8Array,
  ): { readonly state: State; readonly message: Uint8Array };
  decrypt(
    provider: Provider,
    state: State,
    message: Uint8Array,
  ): { readonly state: State; readonly plaintext: Uint8Array };

  encode(state: State): Uint8Array;
  /** Throws `encoding.*`. */
  decode(bytes: Uint8Array): State;
}
