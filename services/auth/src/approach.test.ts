import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { approachOf } from './approach.ts';

/** Looks at a request whose proof was found to be right, by this key. */
function signedBy(deviceKey: Uint8Array<ArrayBuffer>) {
  const request = new Request('http://auth/', { headers: { dpop: 'a proof' } });
  const check = async () => ({ jkt: 'thumbprint', deviceKey });
  return approachOf({ check }, { request, connection: undefined });
}

function freshPublicKey(): Uint8Array<ArrayBuffer> {
  const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(x, 'base64url'));
}

/** The key plus the point of order two: (x, y) becomes (-x, -y), so the sign turns and y is taken from the prime. */
function twisted(publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(publicKey).reverse();
  const sign = (bytes[0] ?? 0) & 0x80;
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  const y = 2n ** 255n - 19n - BigInt(`0x${bytes.toString('hex')}`);
  const result = Buffer.from(y.toString(16).padStart(64, '0'), 'hex');
  result[0] = (result[0] ?? 0) | (sign ^ 0x80);
  return new Uint8Array(result.reverse());
}

test('a session is bound to the key that its log-in was signed with', async () => {
  const deviceKey = freshPublicKey();
  expect((await signedBy(deviceKey)).binding).toEqual({ jkt: 'thumbprint', deviceKey });
  // Twisting twice gives the key again, so what is refused below is refused for its twist alone.
  expect(twisted(twisted(deviceKey))).toEqual(deviceKey);
});

test.each([
  ['of low order, with which anybody can sign', Uint8Array.of(1, ...new Uint8Array(31))],
  ['with a part of low order, which devices refuse in a device list', twisted(freshPublicKey())],
  ['that is no point of the curve', Uint8Array.of(2, ...new Uint8Array(31))],
])('a key %s binds nothing', async (_, deviceKey) => {
  await expect(signedBy(deviceKey)).rejects.toMatchObject({ code: 'auth.proof-invalid' });
});
