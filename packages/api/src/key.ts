/** Identity keys and prekey bundles. */
import * as z from 'zod/mini';
import { bytes, bytesOf } from './bytes.ts';
import { endpoint } from './endpoint.ts';
import { DeviceId, Timestamp, UserId } from './ids.ts';
import {
  BUNDLES_PER_REQUEST_MAX,
  DEVICE_LIST_BYTES_MAX,
  KEY_ID_MAX,
  ONE_TIME_PREKEYS_PER_UPLOAD_MAX,
  PROVISIONING_BYTES_MAX,
  REGISTRATION_ID_MAX,
} from './limits.ts';

const KeyId = z.int().check(z.minimum(1), z.maximum(KEY_ID_MAX));
const RegistrationId = z.int().check(z.minimum(1), z.maximum(REGISTRATION_ID_MAX));

/** The cipher suites that a prekey may serve, as `@sotto/crypto` numbers them: 1 is classic, 2 is signal. */
export const SuiteNumber = z.int().check(z.minimum(1), z.maximum(255));

/** An X25519 prekey, 32 bytes. */
export const OneTimePrekey = z.strictObject({ id: KeyId, publicKey: bytesOf(32) });
export type OneTimePrekey = z.infer<typeof OneTimePrekey>;

/** An X25519 prekey with the identity key's signature over it, its id and its suites. */
export const SignedPrekey = z.strictObject({
  id: KeyId,
  publicKey: bytesOf(32),
  suites: z.array(SuiteNumber).check(z.minLength(1), z.maxLength(8)),
  signature: bytesOf(64),
});
export type SignedPrekey = z.infer<typeof SignedPrekey>;

/** What one needs to start a session with one device. */
export const DeviceBundle = z.object({
  device: DeviceId,
  registrationId: RegistrationId,
  signedPrekey: SignedPrekey,
  /** Absent when the device has run out: the session then starts from the signed prekey alone. */
  oneTimePrekey: z.optional(OneTimePrekey),
});
export type DeviceBundle = z.infer<typeof DeviceBundle>;

/** A device list as `signDeviceList` of `@sotto/crypto` makes it. */
const SignedDeviceList = bytes({ min: 1, max: DEVICE_LIST_BYTES_MAX });

/** What one needs to start sessions with every device of an account. */
export const Bundle = z.object({
  user: UserId,
  identityKey: bytesOf(32),
  /** The newest device list, signed by the identity key, as `@sotto/crypto` encodes it. It names every device below. */
  deviceList: SignedDeviceList,
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
  access: 'user',
  proof: 'when-bound',
  body: z.strictObject({ identityKey: bytesOf(32), registrationId: RegistrationId }),
  status: 200,
  response: Identity,
  problems: ['key.key-invalid', 'key.identity-exists', 'key.id-conflict', 'service.unavailable'],
});

export const replaceIdentity = endpoint({
  id: 'replaceIdentity',
  service: 'key',
  method: 'PUT',
  path: '/api/v1/keys/identity',
  access: 'user',
  proof: 'when-bound',
  body: z.strictObject({
    identityKey: bytesOf(32),
    registrationId: RegistrationId,
    signedPrekey: SignedPrekey,
    /** Signed by the new identity key, following on the newest list of the old one; names this device. */
    deviceList: SignedDeviceList,
  }),
  status: 200,
  response: Identity,
  problems: [
    'auth.fresh-needed',
    'key.identity-missing',
    'key.key-invalid',
    'key.signature-invalid',
    'key.id-conflict',
    'key.list-invalid',
    'key.list-conflict',
    'service.unavailable',
  ],
});

export const getIdentity = endpoint({
  id: 'getIdentity',
  service: 'key',
  method: 'GET',
  path: '/api/v1/keys/identity/{user_id}',
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
  access: 'user',
  proof: 'when-bound',
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
  access: 'user',
  proof: 'when-bound',
  body: z.strictObject({
    prekeys: z
      .array(OneTimePrekey)
      .check(z.minLength(1), z.maxLength(ONE_TIME_PREKEYS_PER_UPLOAD_MAX)),
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

export const publishDeviceList = endpoint({
  id: 'publishDeviceList',
  service: 'key',
  method: 'PUT',
  path: '/api/v1/keys/device-list',
  access: 'user',
  proof: 'when-bound',
  /** Every device on it has published a signed prekey, with the registration id that the list names. */
  body: z.strictObject({ list: SignedDeviceList }),
  status: 200,
  /** `complete` once the message service goes by it. Publishing the same list again asks again. */
  response: z.object({ version: z.int(), complete: z.boolean() }),
  problems: [
    'key.identity-missing',
    'key.list-invalid',
    'key.list-conflict',
    'key.signature-invalid',
    'service.unavailable',
  ],
});

export const getDeviceList = endpoint({
  id: 'getDeviceList',
  service: 'key',
  method: 'GET',
  path: '/api/v1/keys/device-list/{user_id}',
  access: 'user',
  params: userParams,
  status: 200,
  response: z.object({ list: SignedDeviceList }),
  problems: ['key.list-unknown'],
});

export const getBundle = endpoint({
  id: 'getBundle',
  service: 'key',
  method: 'GET',
  path: '/api/v1/keys/bundle/{user_id}',
  access: 'user',
  limited: 'by-itself',
  params: userParams,
  query: z.strictObject({ device: z.optional(DeviceId) }),
  status: 200,
  response: Bundle,
  problems: ['key.identity-unknown', 'key.list-unknown', 'service.unavailable'],
});

export const getBundles = endpoint({
  id: 'getBundles',
  service: 'key',
  method: 'POST',
  path: '/api/v1/keys/bundles',
  access: 'user',
  body: z.strictObject({
    users: z.array(UserId).check(z.minLength(1), z.maxLength(BUNDLES_PER_REQUEST_MAX)),
  }),
  status: 200,
  response: z.object({
    bundles: z.array(Bundle),
    /** Users without an identity key or a device list. */
    unknown: z.array(UserId),
    /** Users whose bundles this caller has fetched too often; worth another try after `retryAfter` seconds. */
    limited: z.array(z.object({ user: UserId, retryAfter: z.int() })),
  }),
  problems: ['service.unavailable'],
});

export const countPrekeys = endpoint({
  id: 'countPrekeys',
  service: 'key',
  method: 'GET',
  path: '/api/v1/keys/count',
  access: 'user',
  status: 200,
  response: z.object({
    oneTimePrekeys: z.int(),
    /** The highest id of a one-time prekey that was ever stored; new ones lie above it. */
    oneTimeMark: z.int(),
    signedPrekey: z.optional(KeyId),
    /** Set when the signed prekey is older than seven days: publish the next one. */
    signedPrekeyOld: z.optional(z.literal(true)),
  }),
  problems: [],
});

export const checkKeys = endpoint({
  id: 'checkKeys',
  service: 'key',
  method: 'GET',
  path: '/api/v1/keys/check',
  access: 'user',
  /**
   * SHA-256 of: identity key (32 bytes), registration id (u32be), newest signed prekey id (u32be) and key (32),
   * one-time mark (u32be), version of the device list (u32be).
   */
  query: z.strictObject({ digest: bytesOf(32) }),
  status: 200,
  response: z.object({ digest: bytesOf(32) }),
  problems: ['key.identity-missing', 'key.view-differs'],
});

const Channel = bytesOf(32);

export const sendProvisioning = endpoint({
  id: 'sendProvisioning',
  service: 'key',
  method: 'POST',
  path: '/api/v1/keys/provisioning',
  access: 'user',
  proof: 'when-bound',
  /** The channel is a hash of both keys that the new device shows, as `linkChannel` of `@sotto/crypto/provisioning` does. */
  body: z.strictObject({
    channel: Channel,
    message: bytes({ min: 1, max: PROVISIONING_BYTES_MAX }),
  }),
  bodyBytesMax: 400 * 1024,
  status: 204,
  problems: ['key.channel-taken'],
});

export const takeProvisioning = endpoint({
  id: 'takeProvisioning',
  service: 'key',
  method: 'GET',
  path: '/api/v1/keys/provisioning/{channel}',
  access: 'anyone',
  params: z.strictObject({ channel: Channel }),
  status: 200,
  response: z.object({ message: bytes({ min: 1, max: PROVISIONING_BYTES_MAX }) }),
  problems: ['key.channel-unknown'],
});

export const keyEndpoints = [
  publishIdentity,
  replaceIdentity,
  getIdentity,
  publishSignedPrekey,
  publishOneTimePrekeys,
  publishDeviceList,
  getDeviceList,
  getBundle,
  getBundles,
  countPrekeys,
  checkKeys,
  sendProvisioning,
  takeProvisioning,
] as const;
