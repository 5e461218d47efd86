/** What comes of encrypting a stretch of the outbox. */
import type { UserId } from '@sotto/api';
import type { Contact } from '../trust/key-log.ts';
import type { Wanted } from '../trust/wanted.ts';
import type { OutboxEntry } from './outbox-entry.ts';

/** Either entries that may leave, or what must be fetched, read again, or found in the key log, before they can be encrypted. */
export type Sealing = Sealed | Missing;

export interface Sealed {
  readonly sealed: OutboxEntry[];
  /** There may be more to encrypt: it was too much for one transaction, or something is missing behind these. */
  readonly isMore?: boolean;
  /** Members of a group who got keys and are to be looked up in the key log when there is time. */
  readonly toProve?: readonly Contact[];
}

export type Missing =
  | { readonly wanted: Wanted[] }
  | { readonly doubtful: UserId[] }
  | { readonly unproven: Contact[] }
  /** What the platform holds for the newest devices of a group's members. */
  | { readonly unversioned: true };
