/**
 * Prekeys: the keys that let others start a session with a device that is offline (X3DH section
 * 3.2), and the bundles in which a server hands them out. A server is not trusted: what it hands out
 * counts only after {@link verifyBundle}.
 */

import { ByteWriter } from './byte-writer.ts';
import { assertInteger } from './bytes.ts';
import { checkAgreementKey, checkTorsionFree, makeAgreementKeyPair } from './curve.ts';
import {
  checkedAgreementKeyOf,
  makeSigningKeyPair,
  signStatement,
  verifyStatement,
} from './ed25519.ts';
import { CryptoError } from './errors.ts';
import {
  type AgreementKeyPair,
  type AgreementPublicKey,
  type AgreementRole,
  type Identity,
  type IdentityKey,
  verifyingKey,
} from './keys.ts';
import { KEY_ID_MAX, ONE_TIME_PREKEYS_MAX, REGISTRATION_ID_MAX, SUITES_MAX } from './limits.ts';
import type { Provider } from './provider.ts';

/** The public half of a signed prekey, as uploaded and handed out. */
export interface SignedPrekeyPublic {
  /** 1 to 2³²−1, rising with each new key of a device, never used again. */
  readonly id: number;
  readonly publicKey: Uint8Array;
  /** Suites that the owner speaks, ascending. The signature covers them, so none can be taken away. */
  readonly suites: readonly number[];
  readonly signature: Uint8Array;
}

/** A signed prekey with its secret half, as its owner stores it. */
export interface SignedPrekey {
  readonly id: number;
  readonly keyPair: AgreementKeyPair<'signed-prekey'>;
  readonly suites: readonly number[];
  readonly signature: Uint8Array;
}

/** A prekey for one session only, as its owner stores it. Ids follow the rule of signed prekeys. */
export interface OneTimePrekey {
  readonly id: number;
  readonly keyPair: AgreementKeyPair<'one-time-prekey'>;
}

/** What a server hands out for one device. Nothing in it is trusted yet. */
export interface PrekeyBundle {
  /** Ed25519, 32 bytes. The caller compares it with the pinned one, if there is one. */
  readonly identityKey: Uint8Array;
  /** 1 to 16383; changes when the device is set up anew. */
  readonly registrationId: number;
  readonly signedPrekey: SignedPrekeyPublic;
  /** Absent when the device's one-time prekeys have run out. */
  readonly oneTimePrekey?: { readonly id: number; readonly publicKey: Uint8Array } | undefined;
}

declare const verified: unique symbol;

/** A bundle whose keys and signature are sound. Only {@link verifyBundle} makes one. */
export interface VerifiedBundle {
  readonly [verified]: true;
  readonly identityKey: IdentityKey;
  /** The Montgomery form of the identity key. */
  readonly identityAgreementKey: AgreementPublicKey<'identity'>;
  readonly registrationId: number;
  readonly suites: readonly number[];
  readonly signedPrekey: {
    readonly id: number;
    readonly publicKey: AgreementPublicKey<'signed-prekey'>;
  };
  readonly oneTimePrekey:
    | { readonly id: number; readonly publicKey: AgreementPublicKey<'one-time-prekey'> }
    | undefined;
}

/** A new identity for an account. Its seed is the account: store it before publishing anything. */
export function makeIdentity(provider: Provider): Identity {
  return makeSigningKeyPair<'identity'>(provider);
}

/** A random registration id, 1 to 16383. */
export function makeRegistrationId(provider: Provider): number {
  const [high, low] = provider.randomBytes(2);
  const id = ((high! << 8) | low!) & REGISTRATION_ID_MAX;
  return id === 0 ? makeRegistrationId(provider) : id;
}

/**
 * A signed prekey for these suites. Store it before uploading it, and keep it 30 days after its
 * successor is out. Throws `input.invalid` for an id or suite out of range.
 */
export function makeSignedPrekey(
  provider: Provider,
  identity: Identity,
  { id, suites }: { readonly id: number; readonly suites: readonly number[] },
): SignedPrekey {
  assertKeyId(id);
  if (!isSuiteList(suites)) throw new CryptoError('input.invalid', 'not a list of suites');
  const keyPair = makeAgreementKeyPair<'signed-prekey'>(provider);
  const message = signedPrekeyMessage({ id, suites, publicKey: keyPair.publicKey });
  const signature = signStatement(provider, identity.seed, { purpose: 'signedPrekey', message });
  return { id, keyPair, suites, signature };
}

/**
 * One-time prekeys with ids from `firstId` on, at most 100 at once. Store them before uploading
 * them; delete each with the first message that used it. Throws `input.invalid`.
 */
export function makeOneTimePrekeys(
  provider: Provider,
  { firstId, count }: { readonly firstId: number; readonly count: number },
): OneTimePrekey[] {
  assertInteger(count, { min: 1, max: ONE_TIME_PREKEYS_MAX }, 'count of one-time prekeys');
  assertKeyId(firstId);
  assertKeyId(firstId + count - 1);
  return Array.from({ length: count }, (_, index) => ({
    id: firstId + index,
    keyPair: makeAgreementKeyPair<'one-time-prekey'>(provider),
  }));
}

/**
 * Checks all keys and the signature of a bundle; {@link VerifiedBundle} is what a session starts
 * from. Throws `key.*` for an unsound key, `signature.invalid`, or `encoding.invalid` for an id, a
 * registration id or a suite list out of range. Whether the identity is the right one is the
 * caller's question.
 */
export function verifyBundle(provider: Provider, bundle: PrekeyBundle): VerifiedBundle {
  const [verified] = verifyBundles(provider, bundle.identityKey, [bundle]);
  return verified!;
}

/** The same for devices of one account, whose identity is looked at once. One that is unsound spoils all. */
export function verifyBundles(
  provider: Provider,
  identity: Uint8Array,
  devices: readonly Omit<PrekeyBundle, 'identityKey'>[],
): VerifiedBundle[] {
  for (const { registrationId } of devices) {
    requireInteger(registrationId, REGISTRATION_ID_MAX, 'registration id');
  }
  const identityAgreementKey = checkedAgreementKeyOf(provider, identity);
  const identityKey = verifyingKey<'identity'>(identity);
  return devices.map((device) =>
    verifyDevice(provider, { identityKey, identityAgreementKey }, device),
  );
}

function verifyDevice(
  provider: Provider,
  {
    identityKey,
    identityAgreementKey,
  }: Pick<VerifiedBundle, 'identityKey' | 'identityAgreementKey'>,
  { registrationId, signedPrekey, oneTimePrekey }: Omit<PrekeyBundle, 'identityKey'>,
): VerifiedBundle {
  const verifiedPrekey = verifySignedPrekey(provider, identityKey, signedPrekey);
  return {
    identityKey,
    identityAgreementKey,
    registrationId,
    suites: signedPrekey.suites,
    signedPrekey: { id: signedPrekey.id, publicKey: verifiedPrekey },
    oneTimePrekey: oneTimePrekey && {
      id: requireInteger(oneTimePrekey.id, KEY_ID_MAX, 'prekey id'),
      publicKey: checkPrekey<'one-time-prekey'>(provider, oneTimePrekey.publicKey),
    },
  } as VerifiedBundle;
}

/**
 * Checks the key and the signature of a signed prekey against an identity that has passed
 * `checkVerifyingKey`. For servers at upload, and within {@link verifyBundle}. Throws as that does.
 */
export function verifySignedPrekey(
  provider: Provider,
  identityKey: IdentityKey,
  prekey: SignedPrekeyPublic,
): AgreementPublicKey<'signed-prekey'> {
  requireInteger(prekey.id, KEY_ID_MAX, 'prekey id');
  if (!isSuiteList(prekey.suites)) {
    throw new CryptoError('encoding.invalid', 'not a list of suites');
  }
  const publicKey = checkPrekey<'signed-prekey'>(provider, prekey.publicKey);
  const statement = {
    purpose: 'signedPrekey',
    message: signedPrekeyMessage(prekey),
    signature: prekey.signature,
  } as const;
  if (!verifyStatement(provider, identityKey, statement)) {
    throw new CryptoError('signature.invalid', 'the signed prekey is not signed by the identity');
  }
  return publicKey;
}

/** Checks a prekey's public half fully, torsion included. Throws `key.*`. */
export function checkPrekey<Role extends AgreementRole>(
  provider: Provider,
  bytes: Uint8Array,
): AgreementPublicKey<Role> {
  const publicKey = checkAgreementKey<Role>(bytes);
  checkTorsionFree(provider, publicKey);
  return publicKey;
}

/** count of suites ‖ suites ‖ id ‖ public key; the label is put before it where it is signed. */
function signedPrekeyMessage(prekey: {
  readonly id: number;
  readonly suites: readonly number[];
  readonly publicKey: Uint8Array;
}): Uint8Array {
  const writer = new ByteWriter(1 + prekey.suites.length + 4 + 32).u8(prekey.suites.length);
  for (const suite of prekey.suites) writer.u8(suite);
  return writer.u32(prekey.id).bytes(prekey.publicKey).finish();
}

/** One to eight suite numbers, ascending. */
function isSuiteList(suites: readonly number[]): boolean {
  const ascending = suites.every(
    (suite, index) => Number.isInteger(suite) && suite > (suites[index - 1] ?? 0) && suite <= 0xff,
  );
  return suites.length >= 1 && suites.length <= SUITES_MAX && ascending;
}

function requireInteger(value: number, max: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 1 || value > max) {
    throw new CryptoError('encoding.invalid', `${what} out of range`);
  }
  return value;
}

function assertKeyId(id: number): void {
  assertInteger(id, { min: 1, max: KEY_ID_MAX }, 'key id');
}
