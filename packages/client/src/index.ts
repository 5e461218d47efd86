/** The public door of the SDK. Stores have doors of their own: `@sotto/client/sqlite`, `@sotto/client/indexeddb`. */
export { ApiError, type Presence, type Session, type UserEntry } from '@sotto/api';
export { CryptoError, type SafetyNumber } from '@sotto/crypto';
export type { Credentials, Me, NewAccount, Recovery, Registered } from './account.ts';
export { createClient } from './client.ts';
export type { ContentDoor } from './client-content.ts';
export type { GroupMember, GroupsDoor, NewGroup } from './client-groups.ts';
export type { Client, ClientOptions, Sent } from './client-interface.ts';
export type { Content } from './content.ts';
export type { ConversationRecord, GroupRecord } from './conversation-record.ts';
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
export type { CompleteLinkOptions } from './link-answer.ts';
export type { Link } from './link-offer.ts';
export type { HeadingOptions } from './message-heading.ts';
export type { MessageReference, MessageTarget } from './message-reference.ts';
export type { Observable } from './observable.ts';
export type { ProfileChange } from './own-profile.ts';
export type { DirectoryPage, MessageRequest, Report, Standing } from './people.ts';
export type { PeopleDoor } from './people-door.ts';
export type { Picture } from './picture.ts';
export type { Profile } from './profile.ts';
export type { UnsentMessage } from './sent-message.ts';
export type { ClientState } from './state.ts';
export type { ConnectionView } from './state-connection.ts';
export type { Messages } from './state-messages.ts';
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
export type { ConversationView, MessageBody, MessageStatus, MessageView } from './view.ts';
