/** The tables of the key log. */
import type { Generated } from 'kysely';

export interface KeyLogTables {
  key_log_parameters: { blinding_key: Uint8Array };
  /** The newest leaf of each account, be it in the tree or still pending. */
  key_log_accounts: { account: Uint8Array; version: number; leaf_hash: Uint8Array };
  key_log_pending: LeafColumns & { id: Generated<number> };
  key_log_leaves: LeafColumns & { position: number };
  key_log_subtrees: { level: number; position: number; hash: Uint8Array };
  key_log_heads: { size: number; head: Uint8Array; log_key: Uint8Array };
  key_log_cosignatures: { size: number; witness_key: Uint8Array; signature: Uint8Array };
}

interface LeafColumns {
  leaf: Uint8Array;
  /** Null for a leaf that is of no account. */
  account: Uint8Array | null;
  version: number | null;
}
