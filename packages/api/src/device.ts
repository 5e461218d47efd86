/** The devices of an account. */
import * as z from 'zod/mini';
import { bytes, bytesOf } from './bytes.ts';
import { endpoint } from './endpoint.ts';
import { DeviceId, Timestamp } from './ids.ts';
import { DEVICE_NAME_BYTES_MAX } from './limits.ts';

/** A device's name, encrypted under a key of the account that the platform does not have. */
const DeviceName = bytes({ min: 1, max: DEVICE_NAME_BYTES_MAX });

/** One device of the caller's account. */
export const AccountDevice = z.object({
  device: DeviceId,
  name: z.optional(DeviceName),
  /** Ed25519, 32 bytes; absent when the device has never signed. */
  deviceKey: z.optional(bytesOf(32)),
  createdAt: Timestamp,
  loggedInAt: Timestamp,
  current: z.boolean(),
});
export type AccountDevice = z.infer<typeof AccountDevice>;

export const listDevices = endpoint({
  id: 'listDevices',
  service: 'auth',
  method: 'GET',
  path: '/api/v1/auth/devices',
  access: 'user',
  status: 200,
  response: z.object({ devices: z.array(AccountDevice) }),
  problems: [],
});

export const addDevice = endpoint({
  id: 'addDevice',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/devices',
  access: 'user',
  proof: 'when-bound',
  body: z.strictObject({ deviceKey: bytesOf(32), name: z.optional(DeviceName) }),
  status: 201,
  response: z.object({ device: DeviceId }),
  problems: ['auth.device-limit', 'key.key-invalid'],
});

const deviceParams = z.strictObject({ device_id: DeviceId });

export const renameDevice = endpoint({
  id: 'renameDevice',
  service: 'auth',
  method: 'PATCH',
  path: '/api/v1/auth/devices/{device_id}',
  access: 'user',
  proof: 'when-bound',
  params: deviceParams,
  body: z.strictObject({ name: DeviceName }),
  status: 204,
  problems: ['auth.device-unknown'],
});

export const revokeDevice = endpoint({
  id: 'revokeDevice',
  service: 'auth',
  method: 'DELETE',
  path: '/api/v1/auth/devices/{device_id}',
  access: 'user',
  proof: 'when-bound',
  params: deviceParams,
  status: 204,
  problems: ['auth.device-unknown'],
});

export const deviceEndpoints = [listDevices, addDevice, renameDevice, revokeDevice] as const;
