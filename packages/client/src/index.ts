/** The public door of the SDK. Stores have doors of their own: `@sotto/client/sqlite`, `@sotto/client/indexeddb`. */
export { ApiError, type Presence, type Session, type UserEntry } from '@sotto/api';
export { CryptoError, type SafetyNumber } from '@sotto/crypto';
export type { Credentials, Me, NewAccount, Registered } from './account/account.ts';
export type { OwnDevice } from './account/devices.ts';
export type { CompleteLinkOptions } from './account/link-answer.ts';
export type { Link } from './account/link-offer.ts';
export type { Recovery } from './account/recovered-account.ts';
export { createClient } from './client.ts';
export type { BackupDoor } from './client-backup.ts';
export type { ContentDoor } from './client-content.ts';
export type { GroupMember, GroupsDoor, NewGroup } from './client-groups.ts';
export type { Client } from './client-interface.ts';
export type { ClientOptions } from './client-options.ts';
export type { PushDoor, PushSubscriptionAddress } from './client-push.ts';
export type { Sent } from './client-talk.ts';
export type { Abortable } from './connection/heeding.ts';
export { ClientError, type ClientErrorCode, ConnectionError } from './errors.ts';
export type { ClientEvent, ClientEvents, Listener } from './events.ts';
export type { FileInput } from './files/file-input.ts';
export type { FileReference, Thumbnail } from './files/file-reference.ts';
export type { TransferProgress } from './files/file-upload-job.ts';
export type { OpenedFile, OpenFileOptions, SendFileOptions } from './files/files.ts';
export { PLAIN_FILE_BYTES_MAX } from './limits.ts';
export type { Content } from './messages/content.ts';
export type { ConversationRecord, GroupRecord } from './messages/conversation-record.ts';
export type { HistoryRange } from './messages/conversations.ts';
export type {
  HistoryItem,
  MembershipChange,
  MembershipItem,
  Message,
  Place,
  UnreadableMessage,
} from './messages/history-item.ts';
export type { HeadingOptions } from './messages/message-heading.ts';
export type { OnceOptions } from './messages/message-once.ts';
export type { MessageReference, MessageTarget } from './messages/message-reference.ts';
export type { ViewRange } from './messages/message-view.ts';
export type { UnsentMessage } from './messages/sent-message.ts';
export type { ProfileChange } from './people/own-profile.ts';
export type { DirectoryPage, MessageRequest, Standing } from './people/people.ts';
export type { PeopleDoor } from './people/people-door.ts';
export type { Picture } from './people/picture.ts';
export type { Profile } from './people/profile.ts';
export type { Report } from './people/report.ts';
export type { Observable } from './state/observable.ts';
export type { ClientState } from './state/state.ts';
export type { ConnectionView } from './state/state-connection.ts';
export type { Messages } from './state/state-messages.ts';
export type { ConversationView, MessageBody, MessageStatus, MessageView } from './state/view.ts';
export type {
  OpenStoreOptions,
  Store,
  StoreEntry,
  StoreRange,
  StoreTransaction,
  StoreWork,
} from './store/store.ts';
export { openMemoryStore } from './store/store-memory.ts';
export {
  type SealedStore,
  type SealOptions,
  type StoreSecret,
  sealStore,
} from './store/store-sealed.ts';
export type { Alarms } from './trust/alarms.ts';
export type { Notice } from './trust/notices.ts';
