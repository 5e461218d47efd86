/** The tables of the schema `auth`. */
import type { DeviceId, SessionId, UserId } from '@sotto/api';
import type { AdminCommand, AuditEntry } from '@sotto/api/internal';
import type { OutboxTables } from '@sotto/runtime';
import type { Generated, JSONColumnType } from 'kysely';
import type { FirstUse } from './refresh-family.ts';

export interface UsersTable {
  id: UserId;
  /** As its owner writes it. */
  username: string;
  /** In lower case; unique. */
  username_key: string;
  /** Argon2id in PHC form, which carries its own parameters and salt. */
  password_hash: string;
  created_at: Date;
  /** Sealed. */
  email: Generated<Uint8Array | null>;
  /** Of the code that sets a new password; null when there is none. */
  recovery_digest: Generated<Uint8Array | null>;
  /** Made by the operator for itself. Nothing depends on it yet. */
  is_admin: Generated<boolean>;
  /** The operator has locked the account. */
  disabled_at: Generated<Date | null>;
  /** Its owner has deleted the account; the row goes once every service has heard of its ended sessions. */
  deleted_at: Generated<Date | null>;
}

export interface DevicesTable {
  id: DeviceId;
  user_id: UserId;
  created_at: Date;
  logged_in_at: Date;
  /** It has published keys, so others encrypt for it. A copy of what the key service says. */
  has_keys: Generated<boolean>;
  /** Ed25519, 32 bytes. Once it is there it stays: other devices know this one by it. */
  device_key: Uint8Array | null;
  /** Its session was ended from elsewhere: its key opens no other until a password or a recovery code has. */
  needs_password: Generated<boolean>;
  /** Sealed; within, encrypted by its owner. */
  name: Uint8Array | null;
  retired_at: Date | null;
}

export interface SessionsTable {
  id: SessionId;
  user_id: UserId;
  device_id: DeviceId;
  created_at: Date;
  /** What refresh tokens are derived from, beside a secret that is not here. */
  refresh_salt: Uint8Array;
  generation: Generated<number>;
  first_uses: JSONColumnType<FirstUse[], string | undefined, string>;
  expires_at: Date;
  /** The thumbprint of the device key that must sign its requests (RFC 9449), if any. */
  bound_to: string | null;
  /** When a password or a recovery code was given; null for a session that a signed challenge has opened. */
  authenticated_at: Date | null;
  renewed_at: Date;
  /** By the database's clock, which all auth processes share. */
  ended_at: Date | null;
}

export interface InvitesTable {
  id: string;
  /** The code itself is in the link alone. */
  code_digest: Uint8Array;
  created_at: Date;
  expires_at: Date;
  uses_max: number;
  uses: number;
  revoked_at: Date | null;
}

/** Append-only. No reference to users: it outlives the account that it speaks of. */
export interface AuditLogTable {
  at: Date;
  id: string;
  action: AuditEntry['action'];
  /** Of the operator's, with `admin.acted`. */
  command: AdminCommand | null;
  user_id: UserId | null;
  device_id: DeviceId | null;
  session_id: SessionId | null;
  /** The address it came from, sealed; removed after a day. */
  source: Uint8Array | null;
  count: number;
}

export interface AuthTables extends OutboxTables {
  audit_log: AuditLogTable;
  invites: InvitesTable;
  users: UsersTable;
  devices: DevicesTable;
  sessions: SessionsTable;
}
