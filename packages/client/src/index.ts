/** The public door of the SDK. Stores have doors of their own: `@sotto/client/sqlite`, `@sotto/client/indexeddb`. */
export { ApiError, type Session } from '@sotto/api';
export { CryptoError, type SafetyNumber } from '@sotto/crypto';
export type { Credentials, Me, NewAccount, Recovery, Registered } from './account.ts';
export { createClient } from './client.ts';
export type { Client, ClientOptions } from './client-interface.ts';
export type { Content } from './content.ts';
export type { ConversationRecord } from './conversation-record.ts';
export type { HistoryRange } from './conversations.ts';
export type { OwnDevice } from './devices.ts';
export { ClientError, type ClientErrorCode, ConnectionError } from './errors.ts';
export type { ClientEvent, ClientEvents, Listener } from './events.ts';
export type { FileInput } from './file-input.ts';
export { PLAIN_FILE_BYTES_MAX } from './file-padding.ts';
export type { FileReference, Thumbnail } from './file-reference.ts';
export type { TransferProgress } from './file-upload-job.ts';
export type { OpenedFile, OpenFileOptions, SendFileOptions } from './files.ts';
export type {
  HistoryItem,
  MembershipChange,
  MembershipItem,
  Message,
  Place,
  UnreadableMessage,
} from './history-item.ts';
export type { Link } from './link-offer.ts';
export type { UnsentMessage } from './sent-message.ts';
export type {
  OpenStoreOptions,
  Store,
  StoreEntry,
  StoreRange,
  StoreTransaction,
  StoreWork,
} from './store.ts';
export { openMemoryStore } from './store-memory.ts';
export { type SealedStore, type SealOptions, type StoreSecret, sealStore } from './store-sealed.ts';
