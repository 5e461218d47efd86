/**
 * The store's key space: under which key everything lies that a client keeps. Numbers are padded, so that the order of
 * keys is the order of numbers.
 */
import type { ConversationId, DeviceId, MessageId, UserId } from '@sotto/api';

const padded = (number: number) => String(number).padStart(16, '0');

/** The store's key space. */
export const keys = {
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
  /** See `prekey-retention.ts`. */
  runTime: 'run-time',
  session: (address: { user: string; device: string }) =>
    `session/${address.user}/${address.device}`,
  sessions: (user?: UserId) => (user === undefined ? 'session/' : `session/${user}/`),
  peers: 'peer/',
  peer: (user: UserId) => `peer/${user}`,
  conversation: (id: ConversationId) => `conversation/${id}`,
  conversations: 'conversation/',
  cursor: (conversation: ConversationId) => `cursor/${conversation}`,
  sendCounter: (conversation: ConversationId) => `send-counter/${conversation}`,
  sendCounters: 'send-counter/',
  /** Where conversations begin that have no counter yet; see `send-counter.ts`. */
  sendCounterLowest: 'send-counter-lowest',
  senderCounter: (conversation: ConversationId, device: DeviceId) =>
    `sender-counter/${conversation}/${device}`,
  /** With a step: a control message, behind the message of that counter and in front of the next one. */
  outboxEntry: (conversation: ConversationId, counter: number, step?: number) =>
    step === undefined
      ? `outbox/${conversation}/${padded(counter)}`
      : `outbox/${conversation}/${padded(counter)}/${padded(step)}`,
  outboxSteps: 'outbox-steps',
  outbox: (conversation?: ConversationId) =>
    conversation === undefined ? 'outbox/' : `outbox/${conversation}/`,
  failed: (id: MessageId) => `failed/${id}`,
  /** See `sent-log.ts` and `greeting.ts`. By device, which a store may change. */
  sent: (device: DeviceId, number: number) => `sent/${device}/${padded(number)}`,
  allSent: (device: DeviceId) => `sent/${device}/`,
  sentCount: (device: DeviceId) => `sent-count/${device}`,
  sentAgain: (conversation: ConversationId) => `sent-again/${conversation}`,
  incarnation: 'incarnation',
  leftBehind: 'left-behind',
  message: (conversation: ConversationId, seq: number) => `message/${conversation}/${padded(seq)}`,
  messages: (conversation: ConversationId) => `message/${conversation}/`,
  /** A place of ours that holds nothing for the history, until the cursor has passed it. */
  ownPlace: (conversation: ConversationId, seq: number) =>
    `own-place/${conversation}/${padded(seq)}`,
  /** By sending device too: an id is its sender's, and nobody else's can stand in its way. */
  messageId: (sender: DeviceId, id: MessageId) => `message-id/${sender}/${id}`,
  /** Head of the newest list of our own devices that was seen; and the list, see `own-list.ts`. */
  ownList: 'own-list',
  ownListState: 'own-list-state',
  /** What was seen of the key log; see `log-standing.ts`. */
  logPin: 'log-pin',
  logTree: 'log-tree',
  logAlarm: 'log-alarm',
  logOwnLeaf: 'log-own-leaf',
  logLeaf: (user: UserId) => `log-leaf/${user}`,
  logLeaves: 'log-leaf/',
  /** Messages that the loop over `messages()` has not taken yet, in order of arrival. */
  arrivals: 'arrival/',
  arrival: (number: number) => `arrival/${padded(number)}`,
  arrivalIds: 'arrival-ids',
  /** See `file-progress.ts`. */
  fileUpload: (conversation: ConversationId, fingerprint: string) =>
    `file-upload/${conversation}/${fingerprint}`,
  fileUploads: 'file-upload/',
} as const;
