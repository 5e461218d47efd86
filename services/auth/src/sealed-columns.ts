/** The columns of this service that are sealed, each by the name that its values are bound to. */
import type { DeviceId, UserId } from '@sotto/api';
import type { SealedFields } from '@sotto/runtime';

/** Every sealed column, for whoever seals them anew. */
export const SEALED_COLUMNS = [
  { table: 'users', column: 'email' },
  { table: 'devices', column: 'name' },
  { table: 'audit_log', column: 'source' },
] as const;
export type SealedColumn = (typeof SEALED_COLUMNS)[number];

export interface SealedColumns {
  sealEmail(user: UserId, email: string): Uint8Array;
  openEmail(user: UserId, sealed: Uint8Array): string;
  /** A name is itself encrypted by its owner. */
  sealDeviceName(device: DeviceId, name: Uint8Array): Uint8Array;
  openDeviceName(device: DeviceId, sealed: Uint8Array): Uint8Array;
  /** The address of a row of the audit log. */
  sealSource(row: string, address: string): Uint8Array;
  openSource(row: string, sealed: Uint8Array): string;
}

/** Over the platform's field keys. Opening throws for a value that was sealed for another row, or by none of the keys. */
export function createSealedColumns(fields: Pick<SealedFields, 'seal' | 'open'>): SealedColumns {
  const email = (row: UserId) => ({ column: 'users.email', row });
  const name = (row: DeviceId) => ({ column: 'devices.name', row });
  const source = (row: string) => ({ column: 'audit_log.source', row });
  return {
    sealEmail: (user, text) => fields.seal(email(user), Buffer.from(text)),
    openEmail: (user, sealed) => textOf(fields.open(email(user), sealed)),
    sealDeviceName: (device, bytes) => fields.seal(name(device), bytes),
    openDeviceName: (device, sealed) => fields.open(name(device), sealed),
    sealSource: (row, address) => fields.seal(source(row), Buffer.from(address)),
    openSource: (row, sealed) => textOf(fields.open(source(row), sealed)),
  };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
