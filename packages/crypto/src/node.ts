/**
 * The third door, `@sotto/crypto/node`: the primitives on `node:crypto`, for Node 22 and later.
 * Prepared keys are held as long as the arrays that carried them live, because preparing an X25519
 * or Ed25519 key costs as much as using it.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
  randomFillSync,
  sign,
  verify,
} from 'node:crypto';
import { CryptoError } from './errors.ts';
import type { AeadInput, HkdfInput, Provider, RunningHash, SignedMessage } from './provider.ts';

type Curve = 'x25519' | 'ed25519';

// RFC 8410: the fixed DER bytes before the 32 bytes of a key. Raw import needs a newer Node than 22.
const privatePrefix: Record<Curve, Buffer> = {
  x25519: Buffer.from('302e020100300506032b656e04220420', 'hex'),
  ed25519: Buffer.from('302e020100300506032b657004220420', 'hex'),
};
/** Public keys pass as JSON Web Keys (RFC 8037), because that is several times as fast as DER. */
const jwkCurve: Record<Curve, string> = { x25519: 'X25519', ed25519: 'Ed25519' };

const privateKeys: Record<Curve, WeakMap<Uint8Array, KeyObject>> = {
  x25519: new WeakMap(),
  ed25519: new WeakMap(),
};
const publicKeys: Record<Curve, WeakMap<Uint8Array, KeyObject>> = {
  x25519: new WeakMap(),
  ed25519: new WeakMap(),
};

/** The primitives on OpenSSL through `node:crypto`; ten to thirty times the speed of noble on curves. */
export const nodeProvider: Provider = {
  name: 'node',
  randomBytes: (length) => randomFillSync(new Uint8Array(length)),
  sha256: (data) => bytesOf(createHash('sha256').update(data).digest()),
  startSha256,
  sha512: (data) => bytesOf(createHash('sha512').update(data).digest()),
  hmacSha256: (key, data) => bytesOf(createHmac('sha256', key).update(data).digest()),
  hmacSha512: (key, data) => bytesOf(createHmac('sha512', key).update(data).digest()),
  hkdfSha256,
  x25519PublicKey: (secretKey) => exportPublic(privateKey('x25519', secretKey)),
  x25519: agree,
  ed25519PublicKey: (seed) => exportPublic(privateKey('ed25519', seed)),
  ed25519Sign: (seed, message) => bytesOf(sign(null, message, privateKey('ed25519', seed))),
  ed25519VerifyEquation: verifyEquation,
  aesGcmSeal: sealGcm,
  aesGcmOpen: openGcm,
};

function startSha256(): RunningHash {
  const hash = createHash('sha256');
  return {
    update: (data) => void hash.update(data),
    digest: () => bytesOf(hash.copy().digest()),
  };
}

function hkdfSha256({ keyMaterial, salt, info, length }: HkdfInput): Uint8Array {
  if (length > 255 * 32) throw new CryptoError('input.invalid', 'HKDF output is too long');
  return new Uint8Array(hkdfSync('sha256', keyMaterial, salt, info, length));
}

function agree(secretKey: Uint8Array, remoteKey: Uint8Array): Uint8Array {
  const keys = {
    privateKey: privateKey('x25519', secretKey),
    publicKey: publicKey('x25519', remoteKey),
  };
  try {
    return bytesOf(diffieHellman(keys));
  } catch (cause) {
    throw new CryptoError('key.low-order', 'the agreement gives no secret', { cause });
  }
}

function verifyEquation({ publicKey: bytes, message, signature }: SignedMessage): boolean {
  return verify(null, message, publicKey('ed25519', bytes), signature);
}

function sealGcm({ key, nonce, associatedData, data, into }: AeadInput): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(associatedData);
  const sealed = into ?? new Uint8Array(data.length + 16);
  moveInto(sealed, cipher.update(data));
  cipher.final();
  sealed.set(cipher.getAuthTag(), data.length);
  return sealed;
}

function openGcm({ key, nonce, associatedData, data, into }: AeadInput): Uint8Array | undefined {
  if (data.length < 16) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAAD(associatedData);
  decipher.setAuthTag(data.subarray(data.length - 16));
  const plaintext = decipher.update(data.subarray(0, data.length - 16));
  try {
    decipher.final();
  } catch {
    return undefined; // `final` throws for a wrong tag and for nothing else.
  }
  if (into === undefined) return bytesOf(plaintext);
  moveInto(into, plaintext);
  return into;
}

/** Frees the source at once: it lies outside the heap, and to have it collected costs more than all the rest. */
function moveInto(target: Uint8Array, { buffer, byteOffset, byteLength }: Buffer): void {
  target.set(new Uint8Array(buffer, byteOffset, byteLength));
  const isItsOwn = byteLength === buffer.byteLength;
  if (isItsOwn && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

function privateKey(curve: Curve, secret: Uint8Array): KeyObject {
  const held = privateKeys[curve].get(secret);
  if (held !== undefined) return held;
  const key = Buffer.concat([privatePrefix[curve], secret]);
  const made = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  key.fill(0);
  privateKeys[curve].set(secret, made);
  return made;
}

function publicKey(curve: Curve, bytes: Uint8Array): KeyObject {
  const held = publicKeys[curve].get(bytes);
  if (held !== undefined) return held;
  const x = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
  const made = createPublicKey({ key: { kty: 'OKP', crv: jwkCurve[curve], x }, format: 'jwk' });
  publicKeys[curve].set(bytes, made);
  return made;
}

function exportPublic(key: KeyObject): Uint8Array {
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(x!, 'base64url'));
}

/** A plain view: `Buffer` overrides methods of `Uint8Array`, `slice` among them, with other meanings. */
function bytesOf(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
