/** The devices of the account: who they are, what they are called, and taking one away. */
import { type DeviceId, listDevices, renameDevice, type Timestamp } from '@sotto/api';
import { type LocalParty, openDeviceName, type Provider, sealDeviceName } from '@sotto/crypto';
import type { z } from 'zod/mini';
import type { Call } from '../connection/call.ts';

export interface DeviceDeps {
  readonly call: Call;
  readonly provider: Provider;
  readonly local: LocalParty;
}

/** A device of the account as the platform lists it. */
export interface OwnDevice {
  readonly device: DeviceId;
  /** Absent for a device without a name, and for a name that was given under another identity. */
  readonly name?: string;
  readonly createdAt: z.infer<typeof Timestamp>;
  readonly loggedInAt: z.infer<typeof Timestamp>;
  /** It is this one. */
  readonly current: boolean;
}

/** The account's devices with their names, decrypted. */
export async function listOwnDevices(deps: DeviceDeps): Promise<OwnDevice[]> {
  const { devices } = await deps.call(listDevices, {});
  const identitySeed = deps.local.identity.seed;
  return devices.map(({ device, name: sealed, createdAt, loggedInAt, current }) => {
    const name = sealed && openDeviceName(deps.provider, { identitySeed, device }, sealed);
    return { device, createdAt, loggedInAt, current, ...(name !== undefined && { name }) };
  });
}

/** Gives a device another name. Throws `CryptoError` `input.invalid` for an empty or too long one, and what calls throw. */
export async function nameOwnDevice(
  { call, provider, local }: DeviceDeps,
  { device, name }: { readonly device: DeviceId; readonly name: string },
): Promise<void> {
  const input = { identitySeed: local.identity.seed, device };
  const sealed = sealDeviceName(provider, input, name);
  await call(renameDevice, { params: { device_id: device }, body: { name: sealed } });
}
