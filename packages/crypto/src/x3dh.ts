/**
 * X3DH (Signal's specification, revision 1): a shared secret with someone who is offline. Pure key
 * agreement over X25519 keys; knows no bundles, no messages and no signatures.
 */
import { concat } from './bytes.ts';
import { agree } from './curve.ts';
import {
  type AgreementPublicKey,
  type AgreementSecretKey,
  type SymmetricKey,
  symmetricKey,
} from './keys.ts';
import type { Provider } from './provider.ts';

/** Section 2.2: F, 32 bytes of 0xff before the agreements, for domain separation from XEdDSA. */
const prefix = new Uint8Array(32).fill(0xff);
const noSalt = new Uint8Array(32);

/** The keys of the one who starts, with the public keys of the one who is offline. */
export interface InitiatorKeys {
  readonly identitySecret: AgreementSecretKey<'identity'>;
  readonly baseSecret: AgreementSecretKey<'base'>;
  readonly remoteIdentity: AgreementPublicKey<'identity'>;
  readonly remoteSignedPrekey: AgreementPublicKey<'signed-prekey'>;
  readonly remoteOneTimePrekey: AgreementPublicKey<'one-time-prekey'> | undefined;
}

/** The keys of the one who was offline, with the public keys from the first message. */
export interface ResponderKeys {
  readonly identitySecret: AgreementSecretKey<'identity'>;
  readonly signedPrekeySecret: AgreementSecretKey<'signed-prekey'>;
  readonly oneTimePrekeySecret: AgreementSecretKey<'one-time-prekey'> | undefined;
  readonly remoteIdentity: AgreementPublicKey<'identity'>;
  readonly remoteBase: AgreementPublicKey<'base'>;
}

/**
 * DH1 ‖ DH2 ‖ DH3 ‖ DH4 of section 3.3, with F before them. Throws `key.low-order`.
 * The public keys must have been checked.
 */
export function initiatorKeyMaterial(provider: Provider, keys: InitiatorKeys): Uint8Array {
  const { identitySecret, baseSecret, remoteOneTimePrekey } = keys;
  const agreements = [
    agree(provider, identitySecret, keys.remoteSignedPrekey),
    agree(provider, baseSecret, keys.remoteIdentity),
    agree(provider, baseSecret, keys.remoteSignedPrekey),
  ];
  if (remoteOneTimePrekey) agreements.push(agree(provider, baseSecret, remoteOneTimePrekey));
  return concat(prefix, ...agreements);
}

/** The same bytes from the other side, section 3.4. Throws `key.low-order`. */
export function responderKeyMaterial(provider: Provider, keys: ResponderKeys): Uint8Array {
  const { identitySecret, signedPrekeySecret, oneTimePrekeySecret, remoteBase } = keys;
  const agreements = [
    agree(provider, signedPrekeySecret, keys.remoteIdentity),
    agree(provider, identitySecret, remoteBase),
    agree(provider, signedPrekeySecret, remoteBase),
  ];
  if (oneTimePrekeySecret) agreements.push(agree(provider, oneTimePrekeySecret, remoteBase));
  return concat(prefix, ...agreements);
}

/** SK = KDF(F ‖ DH1 ‖ …) of section 2.2: HKDF-SHA256 with a salt of zeros, 32 bytes. */
export function sharedSecret(
  provider: Provider,
  keyMaterial: Uint8Array,
  info: Uint8Array,
): SymmetricKey<'shared'> {
  return symmetricKey(provider.hkdfSha256({ keyMaterial, salt: noSalt, info, length: 32 }));
}
