/** The tables of the schema `key`. */
import type { DeviceId, UserId } from '@sotto/api';
import type { OutboxTables } from '@sotto/runtime';
import type { Generated } from 'kysely';
import type { KeyLogTables } from './log/log-tables.ts';

export interface IdentityKeysTable {
  user_id: UserId;
  /** Ed25519, in its Edwards form. */
  public_key: Uint8Array;
  /** Counts the changes of which devices messages are encrypted for; 0 before the first. Signed lists count for themselves. */
  list_version: Generated<number>;
  published_at: Date;
}

export interface DevicesTable {
  id: DeviceId;
  user_id: UserId;
  registration_id: number;
  /** The highest id of a one-time prekey that was ever stored. New ones lie above it. */
  one_time_mark: Generated<number>;
  /** Since when the newest signed list names it; null while it does not. */
  listed_at: Date | null;
  /** The mark for which it was told that few one-time prekeys are left. */
  low_told_mark: Generated<number>;
}

/** The newest device list of an account, as its identity key signed it. */
export interface DeviceListsTable {
  user_id: UserId;
  version: number;
  hash: Uint8Array;
  encoded: Uint8Array;
  published_at: Date;
}

/** Devices that auth has ended. None comes back. */
export interface RetiredDevicesTable {
  id: DeviceId;
  user_id: UserId;
  retired_at: Date;
}

/** Accounts that were deleted. None comes back. */
export interface ErasedAccountsTable {
  user_id: UserId;
  erased_at: Date;
}

/** What was left for a device that is being linked. */
export interface ProvisioningTable {
  channel: Uint8Array;
  user_id: UserId;
  message: Uint8Array;
  expires_at: Date;
}

export interface SignedPrekeysTable {
  device_id: DeviceId;
  id: number;
  public_key: Uint8Array;
  suites: number[];
  signature: Uint8Array;
  published_at: Date;
}

/** What can be handed out. A row leaves exactly once. */
export interface OneTimePrekeysTable {
  device_id: DeviceId;
  id: number;
  public_key: Uint8Array;
}

/** What was handed out lately: the tombstones of `one_time_prekeys`. */
export type IssuedPrekeysTable = OneTimePrekeysTable;

export interface KeyTables extends OutboxTables, KeyLogTables {
  identity_keys: IdentityKeysTable;
  device_lists: DeviceListsTable;
  devices: DevicesTable;
  retired_devices: RetiredDevicesTable;
  erased_accounts: ErasedAccountsTable;
  signed_prekeys: SignedPrekeysTable;
  one_time_prekeys: OneTimePrekeysTable;
  issued_prekeys: IssuedPrekeysTable;
  provisioning: ProvisioningTable;
}
