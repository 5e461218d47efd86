/** Identity keys and prekey bundles. */
import { z } from 'zod';
import { bytesOf } from './bytes.ts';
import { endpoint } from './endpoint.ts';
import { DeviceId, Timestamp, UserId } from './ids.ts';
import { KEY_ID_MAX, ONE_TIME_PREKEYS_PER_UPLOAD_MAX, REGISTRATION_ID_MAX } from './limits.ts';

const KeyId = z.int().min(1).max(KEY_ID_MAX);
const RegistrationId = z.int().min(1).max(REGISTRATION_ID_MAX);

/** The cipher suites that a prekey may serve, as `@sotto/crypto` numbers them: 1 is classic, 2 is signal. */
export const SuiteNumber = z.int().min(1).max(255);

/** An X25519 prekey, 32 bytes. */
export const OneTimePrekey = z.strictObject({ id: KeyId, publicKey: bytesOf(32) });
export type OneTimePrekey = z.infer<typeof OneTimePrekey>;

/** An X25519 prekey with the identity key's signature over it, its id and its suites. */
export const SignedPrekey = z.strictObject({
  id: KeyId,
  publicKey: bytesOf(32),
  suites: z.array(SuiteNumber).min(1).max(8),
  signature: bytesOf(64),
});
export type SignedPrekey = z.infer<typeof SignedPrekey>;

/** What one needs to start a session with one device. */
export const DeviceBundle = z.object({
  device: DeviceId,
  registrationId: RegistrationId,
  signedPrekey: SignedPrekey,
  /** Absent when the device has run out: the session then starts from the signed prekey alone. */
  oneTimePrekey: OneTimePrekey.optional(),
});
export type DeviceBundle = z.infer<typeof DeviceBundle>;

/** What one needs to start sessions with every device of an account. */
export const Bundle = z.object({
  user: UserId,
  identityKey: bytesOf(32),
  devices: z.array(DeviceBundle),
});
export type Bundle = z.infer<typeof Bundle>;

const userParams = z.strictObject({ user_id: UserId });

const Identity = z.object({ user: UserId, identityKey: bytesOf(32), publishedAt: Timestamp });

export const publishIdentity = endpoint({
  id: 'publishIdentity',
  service: 'key',
  method: 'POST',
  path: '/api/v1/keys/identity',
  summary: "Publish the account's identity key (Ed25519) and this device's registration id",
  access: 'user',
  body: z.strictObject({ identityKey: bytesOf(32), registrationId: RegistrationId }),
  status: 200,
  response: Identity,
  problems: ['key.key-invalid', 'key.identity-exists', 'key.id-conflict', 'service.unavailable'],
});

export const getIdentity = endpoint({
  id: 'getIdentity',
  service: 'key',
  method: 'GET',
  path: '/api/v1/keys/identity/{user_id}',
  summary: "A user's identity key",
  access: 'user',
  params: userParams,
  status: 200,
  response: Identity,
  problems: ['key.identity-unknown'],
});

export const publishSignedPrekey = endpoint({
  id: 'publishSignedPrekey',
  service: 'key',
  method: 'POST',
  path: '/api/v1/keys/signed-prekey',
  summary: "Publish this device's signed prekey; the newest one is handed out",
  access: 'user',
  body: SignedPrekey,
  status: 200,
  response: z.object({ id: KeyId, publishedAt: Timestamp }),
  problems: [
    'key.identity-missing',
    'key.key-invalid',
    'key.signature-invalid',
    'key.id-conflict',
    'service.unavailable',
  ],
});

export const publishOneTimePrekeys = endpoint({
  id: 'publishOneTimePrekeys',
  service: 'key',
  method: 'POST',
  path: '/api/v1/keys/one-time-prekeys',
  summary: 'Publish one-time prekeys of this device; each is handed out exactly once',
  access: 'user',
  body: z.strictObject({
    prekeys: z.array(OneTimePrekey).min(1).max(ONE_TIME_PREKEYS_PER_UPLOAD_MAX),
  }),
  status: 200,
  response: z.object({ available: z.int() }),
  problems: [
    'key.identity-missing',
    'key.key-invalid',
    'key.id-conflict',
    'key.too-many',
    'service.unavailable',
  ],
});

export const getBundle = endpoint({
  id: 'getBundle',
  service: 'key',
  method: 'GET',
  path: '/api/v1/keys/bundle/{user_id}',
  summary: 'Prekey bundles of all devices of a user, or of one; takes a one-time prekey of each',
  access: 'user',
  params: userParams,
  query: z.strictObject({ device: DeviceId.optional() }),
  status: 200,
  response: Bundle,
  problems: ['key.identity-unknown'],
});

export const countPrekeys = endpoint({
  id: 'countPrekeys',
  service: 'key',
  method: 'GET',
  path: '/api/v1/keys/count',
  summary: 'How many one-time prekeys this device has left, and which signed prekey is handed out',
  access: 'user',
  status: 200,
  response: z.object({ oneTimePrekeys: z.int(), signedPrekey: KeyId.optional() }),
  problems: [],
});

export const keyEndpoints = [
  publishIdentity,
  getIdentity,
  publishSignedPrekey,
  publishOneTimePrekeys,
  getBundle,
  countPrekeys,
] as const;
