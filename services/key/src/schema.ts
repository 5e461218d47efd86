/** The tables of the schema `key`. */
import type { DeviceId, UserId } from '@sotto/api';
import type { OutboxTables } from '@sotto/runtime';
import type { Generated } from 'kysely';

export interface IdentityKeysTable {
  user_id: UserId;
  /** Ed25519, in its Edwards form. */
  public_key: Uint8Array;
  /** Of the device list; 0 before the first device. */
  list_version: Generated<number>;
  published_at: Date;
}

export interface DevicesTable {
  id: DeviceId;
  user_id: UserId;
  registration_id: number;
  /** The highest id of a one-time prekey that was ever stored. New ones lie above it. */
  one_time_mark: Generated<number>;
  /** When it joined the device list, by its first signed prekey. */
  listed_at: Date | null;
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

export interface KeyTables extends OutboxTables {
  identity_keys: IdentityKeysTable;
  devices: DevicesTable;
  signed_prekeys: SignedPrekeysTable;
  one_time_prekeys: OneTimePrekeysTable;
  issued_prekeys: IssuedPrekeysTable;
}
