/** The tables of the file service, as they are now. */
import type { ConversationId, FileId, UserId } from '@sotto/api';
import type { Generated } from 'kysely';

export interface FilesTable {
  id: FileId;
  /** Where the ciphertext lies. Made here, never told: a file's id says nothing about the store. */
  blob_key: string;
  owner: UserId;
  /** `pending` until the blob is whole, `deleting` until it is gone. Only `stored` files can be seen. */
  state: Generated<'pending' | 'stored' | 'deleting'>;
  /** Bytes held against the owner's quota: of the blob, or reserved for it while it is pending. */
  size: number;
  sha256: Uint8Array | null;
  created_at: Generated<Date>;
}

export interface GrantsTable {
  file: FileId;
  conversation: ConversationId;
  created_at: Generated<Date>;
}

/** What the files of each owner cost: their sizes, FILE_CHARGE_BYTES_MIN for each at least. Changed with them. */
export interface UsageTable {
  owner: UserId;
  bytes: number;
}

export interface ErasedOwnersTable {
  owner: UserId;
  erased_at: Generated<Date>;
}

export interface FileTables {
  erased_owners: ErasedOwnersTable;
  files: FilesTable;
  grants: GrantsTable;
  usage: UsageTable;
}
