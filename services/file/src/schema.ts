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
  /**
   * Bytes held against the owner's quota: of the blob, or reserved for it while it is pending. A resumable upload's
   * whole length from the beginning.
   */
  size: number;
  sha256: Uint8Array | null;
  created_at: Generated<Date>;
  /** When nobody can read it any more, by its uploader's wish. */
  expires_at: Generated<Date | null>;
  /** Since when it is shared nowhere; null while it is. */
  unshared_at: Generated<Date | null>;
  /** When its removal failed last; null unless it did. */
  tried_at: Generated<Date | null>;
}

/** Resumable uploads that are not complete. The row goes when the file is `stored`. */
export interface UploadsTable {
  file: FileId;
  /** When it is given up. */
  expires_at: Date;
  /** What the store calls its parts (`Blobs.beginParts`); none until the first part. Never told. */
  attempt: Generated<string | null>;
  /** The request that brings bytes now, and how long that is believed unless it says so again: a process may die. */
  writer: Generated<string | null>;
  writer_until: Generated<Date | null>;
  /** Another request waits for its turn. */
  writer_wanted: Generated<boolean>;
}

/** Parts that the store has. All but the last of a blob have BLOB_PART_BYTES. */
export interface UploadPartsTable {
  file: FileId;
  number: number;
  /** What `Blobs.putPart` gave. */
  tag: string;
}

/** Bytes behind the last part that do not make a part yet, each a blob of its own. */
export interface UploadPiecesTable {
  file: FileId;
  start: number;
  size: number;
  blob_key: string;
}

/** Pieces in the store, perhaps, that no upload has (`loose-pieces.ts`). */
export interface LoosePiecesTable {
  blob_key: string;
  /** A request stores it, and will make it count; false for one that is to go. */
  is_coming: boolean;
  made_at: Generated<Date>;
}

export interface GrantsTable {
  file: FileId;
  conversation: ConversationId;
  /** Who shared it there. */
  grantor: UserId;
  /** Null for the uploader. For others the conversation, of the uploader's grants, that they read it by. */
  via: ConversationId | null;
  created_at: Generated<Date>;
}

/** Those that files are shared in. */
export interface ConversationsTable {
  id: ConversationId;
  /** When the message service was asked whether somebody is left in it; null when somebody has left since. */
  asked_at: Date | null;
}

/** What was heard last of who is in those conversations. Not all of it: `membership-news.ts`. */
export interface MembersTable {
  conversation: ConversationId;
  user_id: UserId;
  /** Of the change by which they came or went. */
  version: number;
  is_member: boolean;
  heard_at: Generated<Date>;
}

/** Work that one of all processes does now and then. */
export interface RoundsTable {
  name: 'reconciliation';
  begun_at: Date;
  /** Where the next one goes on; from the start when null. */
  reached: string | null;
}

/** One row, made once: the platform that the database belongs to. */
export interface PlatformTable {
  id: Generated<string>;
}

/** What the files of each owner cost: their sizes, FILE_CHARGE_BYTES_MIN for each at least. Changed with them. */
export interface UsageTable {
  owner: UserId;
  bytes: number;
}

/**
 * What each owner has brought in a day of UTC, with what uploads under way may still bring. It stays when a file goes,
 * and counts what was brought by uploads that were given up.
 */
export interface UsageDaysTable {
  owner: UserId;
  /** YYYY-MM-DD; select it as text, or the driver makes a Date of it. */
  day: string;
  bytes: number;
}

export interface ErasedOwnersTable {
  owner: UserId;
  erased_at: Generated<Date>;
}

export interface FileTables {
  conversations: ConversationsTable;
  erased_owners: ErasedOwnersTable;
  files: FilesTable;
  grants: GrantsTable;
  loose_pieces: LoosePiecesTable;
  members: MembersTable;
  platform: PlatformTable;
  rounds: RoundsTable;
  upload_parts: UploadPartsTable;
  upload_pieces: UploadPiecesTable;
  uploads: UploadsTable;
  usage: UsageTable;
  usage_days: UsageDaysTable;
}
