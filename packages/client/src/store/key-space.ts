/**
 * The store's key space: under which key everything lies that a client keeps. Numbers are padded, so that the order of
 * keys is the order of numbers.
 */
import type { ConversationId, DeviceId, MessageId, UserId } from '@sotto/api';
import type { Address as DeviceAddress } from '@sotto/crypto';
import type { MessageReference } from '../messages/message-reference.ts';

const padded = (number: number) => String(number).padStart(16, '0');

/**
 * A device as a part of keys, and as a member of sets. Never its id alone: accounts name their devices themselves, and one
 * may name another's (ADR 14).
 */
export function addressKey({ user, device }: DeviceAddress): string {
  return `${user}/${device}`;
}

/** The store's key space. */
export const keys = {
  /** See `record-migrations.ts`. */
  recordVersion: 'record-version',
  account: 'account',
  registration: 'registration',
  recovery: 'recovery',
  deviceKey: 'device-key',
  identity: 'identity',
  nextIdentity: 'next-identity',
  /** Whose backup was restored, or is being restored; until a device of theirs has logged in. See `backup.ts`. */
  restored: 'restored',
  link: 'link',
  /** By the channel's name, in base64url. */
  linkAnswer: (channel: string) => `link-answer/${channel}`,
  signedPrekey: (id: number) => `signed-prekey/${padded(id)}`,
  signedPrekeys: 'signed-prekey/',
  oneTimePrekey: (id: number) => `one-time-prekey/${padded(id)}`,
  oneTimePrekeys: 'one-time-prekey/',
  signedPrekeyIds: 'signed-prekey-ids',
  oneTimePrekeyIds: 'one-time-prekey-ids',
  /** A mark beside each one-time prekey that the platform is not known to have. */
  unpublishedPrekey: (id: number) => `unpublished-prekey/${padded(id)}`,
  unpublishedPrekeys: 'unpublished-prekey/',
  /** See `confirmed-time.ts`. */
  runTime: 'run-time',
  session: (remote: DeviceAddress) => `session/${addressKey(remote)}`,
  sessions: (user?: UserId) => (user === undefined ? 'session/' : `session/${user}/`),
  peers: 'peer/',
  peer: (user: UserId) => `peer/${user}`,
  conversation: (id: ConversationId) => `conversation/${id}`,
  conversations: 'conversation/',
  /** See `own-order.ts`. */
  ownLast: (conversation: ConversationId) => `own-last/${conversation}`,
  /** The conversations that there were when this device came to the account are in the store. */
  conversationsListed: 'conversations-listed',
  /** Entries of a group's log, by version; see `group-log.ts`. */
  groupEntry: (conversation: ConversationId, version: number) =>
    `group-entry/${conversation}/${padded(version)}`,
  groupEntries: (conversation: ConversationId) => `group-entry/${conversation}/`,
  /** Members who are to be given the key of a group's title. */
  titleKeyDue: (conversation: ConversationId) => `title-key-due/${conversation}`,
  titleKeysDue: 'title-key-due/',
  cursor: (conversation: ConversationId) => `cursor/${conversation}`,
  /** See `contradicted-places.ts`. */
  contradicted: (conversation: ConversationId) => `contradicted/${conversation}`,
  /**
   * From where the platform's cursor of this device is ahead of the store's, which knows of it: a group whose log was
   * refused, see `receive.ts`, or what was said to the device that this store was before.
   */
  passedOver: (conversation: ConversationId) => `passed-over/${conversation}`,
  allPassedOver: 'passed-over/',
  sendCounter: (conversation: ConversationId) => `send-counter/${conversation}`,
  sendCounters: 'send-counter/',
  /** Where conversations begin that have no counter yet; see `send-counter.ts`. */
  sendCounterLowest: 'send-counter-lowest',
  senderCounter: (conversation: ConversationId, sender: DeviceAddress) =>
    `sender-counter/${conversation}/${addressKey(sender)}`,
  senderCountersIn: (conversation: ConversationId) => `sender-counter/${conversation}/`,
  /** With a step: a control message, behind the message of that counter and in front of the next one. */
  outboxEntry: (conversation: ConversationId, counter: number, step?: number) =>
    step === undefined
      ? `outbox/${conversation}/${padded(counter)}`
      : `outbox/${conversation}/${padded(counter)}/${padded(step)}`,
  outboxSteps: 'outbox-steps',
  /** Our chain in a group, whom it was handed to, and what the platform holds for the members' devices: `group-keys.ts`. */
  senderChain: (conversation: ConversationId) => `sender-chain/${conversation}`,
  senderChains: 'sender-chain/',
  chainHolders: (conversation: ConversationId) => `chain-holders/${conversation}`,
  allChainHolders: 'chain-holders/',
  groupAudience: (conversation: ConversationId) => `group-audience/${conversation}`,
  /** The chains of another device in a group: bytes of `@sotto/crypto`. */
  senderKey: (conversation: ConversationId, sender: DeviceAddress) =>
    `sender-key/${conversation}/${addressKey(sender)}`,
  senderKeys: 'sender-key/',
  outbox: (conversation?: ConversationId) =>
    conversation === undefined ? 'outbox/' : `outbox/${conversation}/`,
  /** What the platform has refused for good, by conversation; and in which one a message was refused. */
  failed: (conversation: ConversationId, id: MessageId) => `failed/${conversation}/${id}`,
  failedIn: (conversation: ConversationId) => `failed/${conversation}/`,
  allFailed: 'failed/',
  refused: (id: MessageId) => `refused/${id}`,
  /** See `sent-log.ts` and `greeting.ts`. By device, which a store may change. */
  sent: (device: DeviceId, number: number) => `sent/${device}/${padded(number)}`,
  allSent: (device: DeviceId) => `sent/${device}/`,
  sentCount: (device: DeviceId) => `sent-count/${device}`,
  sentAgain: (conversation: ConversationId) => `sent-again/${conversation}`,
  incarnation: 'incarnation',
  leftBehind: 'left-behind',
  message: (conversation: ConversationId, seq: number) => `message/${conversation}/${padded(seq)}`,
  messages: (conversation: ConversationId) => `message/${conversation}/`,
  /** See `deliveries.ts`. */
  delivered: (conversation: ConversationId) => `delivered/${conversation}`,
  allMessages: 'message/',
  /** A place of ours that holds nothing for the history, until the cursor has passed it. */
  ownPlace: (conversation: ConversationId, seq: number) =>
    `own-place/${conversation}/${padded(seq)}`,
  /** By sender too: an id is its sender's, and nobody else's can stand in its way. */
  messageId: (sender: DeviceAddress, id: MessageId) => `message-id/${id}/${addressKey(sender)}`,
  messagesOfId: (id: MessageId) => `message-id/${id}/`,
  messageIds: 'message-id/',
  /** What each account has said about a message; see `annotations.ts`. */
  annotations: (conversation: ConversationId, { device, id }: MessageReference, user?: UserId) =>
    `annotation/${conversation}/${device}/${id}/${user ?? ''}`,
  /** Messages of which an account has spoken and that have not come. */
  waitingAnnotation: (conversation: ConversationId, user: UserId, number: number) =>
    `waiting-annotation/${conversation}/${user}/${padded(number)}`,
  waitingAnnotations: (conversation: ConversationId, user: UserId) =>
    `waiting-annotation/${conversation}/${user}/`,
  waitingAnnotationIds: 'waiting-annotation-ids',
  /** How far was read, by us and by others, and what of that is to be told; see `read-marks.ts`. */
  ownReadMark: (conversation: ConversationId) => `own-read-mark/${conversation}`,
  readBy: (conversation: ConversationId, user: UserId) => `read-by/${conversation}/${user}`,
  readsBy: (conversation: ConversationId) => `read-by/${conversation}/`,
  waitingRead: (conversation: ConversationId, user: UserId) =>
    `waiting-read/${conversation}/${user}`,
  waitingReads: (conversation: ConversationId) => `waiting-read/${conversation}/`,
  untoldRead: (conversation: ConversationId) => `untold-read/${conversation}`,
  untoldReads: 'untold-read/',
  askedDevices: 'asked-devices',
  toldRead: (conversation: ConversationId) => `told-read/${conversation}`,
  /** See `lifetime.ts`. */
  timer: (conversation: ConversationId) => `timer/${conversation}`,
  waitingTimer: (conversation: ConversationId) => `waiting-timer/${conversation}`,
  unreadLifetime: (conversation: ConversationId, seq: number) =>
    `unread-lifetime/${conversation}/${padded(seq)}`,
  unreadLifetimes: (conversation: ConversationId) => `unread-lifetime/${conversation}/`,
  endings: 'ending/',
  ending: (at: number, conversation: ConversationId, seq: number) =>
    `ending/${padded(at)}/${conversation}/${padded(seq)}`,
  typingSpent: (conversation: ConversationId) => `typing-spent/${conversation}`,
  /** Head of the newest list of our own devices that was seen; and the list, see `own-list.ts`. */
  ownList: 'own-list',
  ownListState: 'own-list-state',
  /** Devices of the account that this store was before: it lists them no more. */
  formerDevice: (device: DeviceId) => `former-device/${device}`,
  formerDevices: 'former-device/',
  /** What was seen of the key log; see `log-standing.ts`. */
  logPin: 'log-pin',
  logTree: 'log-tree',
  logAlarm: 'log-alarm',
  logOwnLeaf: 'log-own-leaf',
  logLeaf: (user: UserId) => `log-leaf/${user}`,
  logLeaves: 'log-leaf/',
  /** See `owed-proofs.ts`. */
  owedProof: (user: UserId) => `owed-proof/${user}`,
  owedProofs: 'owed-proof/',
  /** What could not be read and is to be sent again, by sending device; see `missed-message.ts` and `repair.ts`. */
  wantedAgain: (conversation: ConversationId, sender: DeviceAddress, seq: number) =>
    `wanted-again/${conversation}/${addressKey(sender)}/${padded(seq)}`,
  allWantedAgain: (conversation: ConversationId, sender: DeviceAddress) =>
    `wanted-again/${conversation}/${addressKey(sender)}/`,
  repair: (conversation: ConversationId, sender: DeviceAddress) =>
    `repair/${conversation}/${addressKey(sender)}`,
  repairs: 'repair/',
  /** How much may still be done for another account; see `repair-budget.ts`. */
  resendBudget: (conversation: ConversationId, user: UserId) =>
    `resend-budget/${conversation}/${user}`,
  sessionBudget: (user: UserId) => `session-budget/${user}`,
  againBudget: (user: UserId) => `again-budget/${user}`,
  logBudget: (conversation: ConversationId, user: UserId | 'strangers') =>
    `log-budget/${conversation}/${user}`,
  controlBudget: (conversation: ConversationId, user: UserId) =>
    `control-budget/${conversation}/${user}`,
  /** What could not be read and has no place in the history, as far as anybody knows. */
  unheard: (conversation: ConversationId, seq: number) => `unheard/${conversation}/${padded(seq)}`,
  /** Pieces that came of a message that is sent again by this device. */
  againPiece: (conversation: ConversationId, seq: number, sender: DeviceAddress) =>
    `again-piece/${conversation}/${padded(seq)}/${addressKey(sender)}`,
  /** Messages that the loop over `messages()` has not taken yet, in order of arrival. */
  arrivals: 'arrival/',
  arrival: (number: number) => `arrival/${padded(number)}`,
  arrivalIds: 'arrival-ids',
  /** What a person is to be told; see `notices.ts`. */
  notices: 'notice/',
  notice: (kind: string) => `notice/${kind}`,
  noticeOf: (kind: string, user: UserId) => `notice/${kind}/${user}`,
  /** Somebody has looped over them once. */
  arrivalLoop: 'arrival-loop',
  /** What somebody shows of themselves, this account included; see `profile.ts`. */
  profile: (user: UserId) => `profile/${user}`,
  profiles: 'profile/',
  /** Their picture as it is: of this account, and of those whose picture was opened. */
  picture: (user: UserId) => `profile-picture/${user}`,
  /** How far this account's profile has got; see `own-profile.ts`, `profile-audience.ts` and `profile-copies.ts`. */
  profileSpread: 'profile-spread',
  profileTold: (user: UserId) => `profile-told/${user}`,
  pictureGrant: (conversation: ConversationId) => `picture-grant/${conversation}`,
  username: (user: UserId) => `username/${user}`,
  /** Marks on what this account has accepted from here, and on whom it has blocked. */
  accepted: (conversation: ConversationId) => `accepted/${conversation}`,
  block: (user: UserId) => `block/${user}`,
  blocks: 'block/',
  /** See `file-progress.ts`. */
  fileUpload: (conversation: ConversationId, fingerprint: string) =>
    `file-upload/${conversation}/${fingerprint}`,
  fileUploads: 'file-upload/',
} as const;
