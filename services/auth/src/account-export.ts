/** Everything that the platform holds about an account, for its owner. */
import { type Answer, encodeBase64url, type exportAccount, type UserId } from '@sotto/api';
import { exportFiles, exportKeys, exportMessages } from '@sotto/api/internal';
import { callPeer, type Fetch, type Limiter } from '@sotto/runtime';
import { readAuditRows } from './audit-store.ts';
import { EXPORTED_AUDIT_ROWS_MAX } from './limits.ts';
import { type Confirmation, whoOf } from './password-confirmation.ts';
import type { SealedColumns } from './sealed-columns.ts';
import type { SessionDeps } from './sessions.ts';
import { findUser } from './store.ts';

export interface ExportDeps extends SessionDeps {
  columns: SealedColumns;
  /** By user. */
  exports: Limiter;
  peers: Record<'key' | 'message' | 'file', Fetch>;
  internalSecret: string;
}

type Exported = Answer<typeof exportAccount>;
type Tables = Exported['services'][string];

/**
 * Gathers it from all services. Throws `service.unavailable` when one of them does not answer: an export with a part
 * missing would look whole. Throws `rate.limited`: it makes every service read all that it has of the account, so a try
 * that failed counts too.
 */
export async function exportOf(
  deps: ExportDeps,
  { caller, address }: Pick<Confirmation, 'caller' | 'address'>,
): Promise<Exported> {
  const { peers, internalSecret: secret } = deps;
  const { user } = caller;
  await deps.exports.take(user);
  const input = { params: { user_id: user } };
  const [auth, key, message, file] = await Promise.all([
    exportOwn(deps, user),
    callPeer(peers.key, exportKeys, input, secret),
    callPeer(peers.message, exportMessages, input, secret),
    callPeer(peers.file, exportFiles, input, secret),
  ]);
  const noted = { ...whoOf(caller), source: address };
  await deps.audit.note(deps.database.query, { action: 'account.exported', ...noted });
  return {
    user,
    exportedAt: new Date(deps.clock()).toISOString(),
    services: { auth, key: key.tables, message: message.tables, file: file.tables },
  };
}

/**
 * What this service holds, table to rows. What can be used to become the account's owner is not told: hashes, salts,
 * digests.
 */
export async function exportOwn(
  { database, columns }: Pick<ExportDeps, 'database' | 'columns'>,
  user: UserId,
): Promise<Tables> {
  const { query } = database;
  const account = await findUser(query, user);
  const devices = await query
    .selectFrom('devices')
    .selectAll()
    .where('user_id', '=', user)
    .orderBy('created_at')
    .execute();
  const sessions = await query
    .selectFrom('sessions')
    .select(['id', 'device_id', 'created_at', 'renewed_at', 'expires_at', 'ended_at', 'bound_to'])
    .where('user_id', '=', user)
    .orderBy('created_at')
    .execute();
  const audit = await readAuditRows(query, { user, limit: EXPORTED_AUDIT_ROWS_MAX });
  return {
    users: (account === undefined ? [] : [account]).map((row) => ({
      id: row.id,
      username: row.username,
      email: row.email && columns.openEmail(row.id, row.email),
      created_at: row.created_at.toISOString(),
      has_recovery_code: row.recovery_digest !== null,
      is_admin: row.is_admin,
      disabled_at: timeOf(row.disabled_at),
    })),
    devices: devices.map((row) => ({
      id: row.id,
      created_at: row.created_at.toISOString(),
      logged_in_at: row.logged_in_at.toISOString(),
      retired_at: timeOf(row.retired_at),
      has_keys: row.has_keys,
      device_key: row.device_key && encodeBase64url(row.device_key),
      // Encrypted by its owner, under a key that is not here.
      name: row.name && encodeBase64url(columns.openDeviceName(row.id, row.name)),
    })),
    sessions: sessions.map((row) => ({
      ...row,
      created_at: row.created_at.toISOString(),
      renewed_at: row.renewed_at.toISOString(),
      expires_at: row.expires_at.toISOString(),
      ended_at: timeOf(row.ended_at),
    })),
    audit_log: audit.map((row) => ({
      at: row.at.toISOString(),
      action: row.action,
      command: row.command,
      device: row.device_id,
      session: row.session_id,
      source: row.source && columns.openSource(row.id, row.source),
      count: row.count,
    })),
  };
}

function timeOf(moment: Date | null): string | null {
  return moment?.toISOString() ?? null;
}
