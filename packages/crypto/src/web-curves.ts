/**
 * The browser's own curves (Chromium 137, Firefox 130, Safari 17), in threads of its own. They are asked for by promises, so
 * only `key-work.ts` uses them.
 */
import { equal, fromHex, utf8 } from './bytes.ts';
import type { Elsewhere, SignedMessage } from './provider.ts';
import { nobleProvider } from './provider-noble.ts';

/** RFC 8410: the fixed DER bytes before the 32 bytes of a secret key. WebCrypto takes no raw ones. */
const PKCS8_PREFIX = Uint8Array.of(
  ...[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06],
  ...[0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20],
);

/** RFC 7748 section 4.1: u of the base point. */
const BASE_POINT = Uint8Array.from({ length: 32 }, (_, index) => (index === 0 ? 9 : 0));

/** RFC 7748 section 6.1: Alice's key pair. */
const KEY_PAIR = {
  secretKey: fromHex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'),
  publicKey: fromHex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'),
};

/** RFC 8032 section 7.1, test 2. */
const SIGNED: SignedMessage = {
  publicKey: fromHex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'),
  message: fromHex('72'),
  signature: fromHex(
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ),
};

/** Number 6 of the CCTV vectors: good for a verifier that multiplies by the cofactor, and for no other one. */
const COFACTORED: SignedMessage = {
  publicKey: fromHex('10eb7c3acfb2bed3e0d6ab89bf5a3d6afddd1176ce4812e38d9fd485058fdb1f'),
  message: utf8('ed25519vectors 10'),
  signature: fromHex(
    '36684ea91032ba5b1dbab2d02f4debc74c3327f2b3802e2e4d371aa42b12b56bc02e2b9e63e385c058bf62b14b3a2b29ccefe8e38ddb536bc3f9865320a3d801',
  ),
};

/**
 * Undefined in pages that did not come over a safe connection, and where the curves are not what noble's are: of two
 * clients with one signature, both or neither must take it.
 */
export async function findElsewhere(
  subtle: SubtleCrypto | undefined,
): Promise<Elsewhere | undefined> {
  if (subtle === undefined) return undefined;
  const curves = createCurves(subtle);
  try {
    return (await isSame(curves)) ? orNoble(curves) : undefined;
  } catch {
    return undefined; // It does not know these curves.
  }
}

/** One operation of each kind, and the one in which engines differ. */
async function isSame(curves: Elsewhere): Promise<boolean> {
  const { secretKey, publicKey } = KEY_PAIR;
  return (
    equal(await curves.x25519PublicKey(secretKey), publicKey) &&
    (await curves.ed25519VerifyEquation(SIGNED)) &&
    !(await curves.ed25519VerifyEquation(COFACTORED))
  );
}

/**
 * The engine says in one way that there is no memory for a key, and that a key is none. Neither is taken for the other:
 * whatever it does not compute noble does, and says what is wrong with it.
 */
function orNoble(curves: Elsewhere): Elsewhere {
  return {
    x25519PublicKey: (secretKey) =>
      curves.x25519PublicKey(secretKey).catch(() => nobleProvider.x25519PublicKey(secretKey)),
    x25519: (secretKey, publicKey) =>
      curves.x25519(secretKey, publicKey).catch(() => nobleProvider.x25519(secretKey, publicKey)),
    ed25519VerifyEquation: (signed) =>
      curves.ed25519VerifyEquation(signed).catch(() => nobleProvider.ed25519VerifyEquation(signed)),
  };
}

/** The engine's curves, which reject with errors of the engine. */
function createCurves(subtle: SubtleCrypto): Elsewhere {
  const secretKeys = new WeakMap<Uint8Array, Promise<CryptoKey>>();
  const publicKeys = new WeakMap<Uint8Array, Promise<CryptoKey>>();

  function secretKeyOf(bytes: Uint8Array): Promise<CryptoKey> {
    return kept(secretKeys, bytes, () => {
      const encoded = Uint8Array.of(...PKCS8_PREFIX, ...bytes);
      return subtle.importKey('pkcs8', encoded, 'X25519', false, ['deriveBits']);
    });
  }
  function publicKeyOf(bytes: Uint8Array): Promise<CryptoKey> {
    return kept(publicKeys, bytes, () =>
      subtle.importKey('raw', Uint8Array.from(bytes), 'X25519', false, []),
    );
  }
  async function x25519(secretKey: Uint8Array, publicKey: Uint8Array): Promise<Uint8Array> {
    const [ours, theirs] = await Promise.all([secretKeyOf(secretKey), publicKeyOf(publicKey)]);
    const algorithm = { name: 'X25519', public: theirs };
    return new Uint8Array(await subtle.deriveBits(algorithm, ours, 256));
  }

  return {
    x25519,
    x25519PublicKey: (secretKey) => x25519(secretKey, BASE_POINT),
    ed25519VerifyEquation: (signed) => verifyEquation(subtle, signed),
  };
}

async function verifyEquation(
  subtle: SubtleCrypto,
  { publicKey, message, signature }: SignedMessage,
): Promise<boolean> {
  const key = await subtle.importKey('raw', Uint8Array.from(publicKey), 'Ed25519', false, [
    'verify',
  ]);
  const [encoded, text] = [Uint8Array.from(signature), Uint8Array.from(message)];
  return subtle.verify('Ed25519', key, encoded, text);
}

/** A prepared key, for as long as the array lives that carried it; not one that could not be prepared. */
function kept(
  known: WeakMap<Uint8Array, Promise<CryptoKey>>,
  bytes: Uint8Array,
  prepare: () => Promise<CryptoKey>,
): Promise<CryptoKey> {
  const held = known.get(bytes);
  if (held !== undefined) return held;
  const prepared = prepare();
  known.set(bytes, prepared);
  prepared.catch(() => known.delete(bytes));
  return prepared;
}
