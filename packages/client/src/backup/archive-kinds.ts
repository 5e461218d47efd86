/**
 * What becomes of each kind of record when a history leaves this device. The table is closed: every kind of the key space
 * is in it, and `archive-kinds.test.ts` fails for one that is not.
 */
/** What becomes of a kind, and why. */
type Fate =
  /** In a backup, and handed to a device that is linked. */
  | 'history'
  /** In a backup. A device that is linked gets it by the link itself, which has a place for it. */
  | 'backup'
  /** What of it is of use elsewhere stands in the head of a backup. */
  | 'head'
  /** Secret keys of this device alone, and what is encrypted under them: two devices that share one lose secrecy. */
  | 'secret'
  /** Of this device's own doings: another device begins anew. */
  | 'device'
  /** Made anew from what is in an archive. */
  | 'derived';

/** By the first part of their keys; in an archive they come in this order. */
export const KINDS: Readonly<Record<string, Fate>> = {
  'record-version': 'device',
  account: 'head',
  registration: 'device',
  recovery: 'device',
  'device-key': 'secret',
  identity: 'head',
  // With a prekey. When the platform has taken it, the restored device asks its owner, as any that was left behind.
  'next-identity': 'secret',
  restored: 'device',
  link: 'secret',
  'link-answer': 'secret',
  'signed-prekey': 'secret',
  'one-time-prekey': 'secret',
  'signed-prekey-ids': 'device',
  'one-time-prekey-ids': 'device',
  'unpublished-prekey': 'device',
  'run-time': 'device',
  session: 'secret',
  'sender-chain': 'secret',
  'chain-holders': 'device',
  'sender-key': 'secret',
  'group-audience': 'device',
  'own-list': 'backup',
  'own-list-state': 'device',
  'former-device': 'device',
  'log-pin': 'backup',
  'log-tree': 'backup',
  // A person has to decide about it, on whichever device.
  'log-alarm': 'backup',
  notice: 'device',
  'log-own-leaf': 'backup',
  'log-leaf': 'backup',
  'owed-proof': 'backup',
  peer: 'backup',
  block: 'history',
  conversation: 'history',
  // Behind the groups: an entry is of use only up to where the group's record is.
  'group-entry': 'history',
  'conversations-listed': 'device',
  'title-key-due': 'device',
  accepted: 'history',
  // A new device reads on from where the platform says: nothing before was encrypted for it.
  cursor: 'device',
  contradicted: 'device',
  'passed-over': 'device',
  'send-counter': 'device',
  'send-counter-lowest': 'device',
  'sender-counter': 'device',
  // Whether it has left since the backup is not known, and nothing may be said twice.
  outbox: 'device',
  'outbox-steps': 'device',
  failed: 'device',
  refused: 'device',
  sent: 'device',
  'sent-count': 'device',
  'sent-again': 'device',
  incarnation: 'device',
  'left-behind': 'device',
  'own-place': 'device',
  'own-last': 'device',
  message: 'history',
  'message-id': 'derived',
  annotation: 'history',
  // What they wait for was not there, and does not come to another device.
  'waiting-annotation': 'device',
  'waiting-annotation-ids': 'device',
  delivered: 'history',
  'own-read-mark': 'history',
  'read-by': 'history',
  'waiting-read': 'device',
  'untold-read': 'device',
  'told-read': 'device',
  'asked-devices': 'device',
  timer: 'history',
  'waiting-timer': 'device',
  // Of messages that go away, which are in no archive.
  'unread-lifetime': 'device',
  ending: 'device',
  'typing-spent': 'device',
  // What could not be read was encrypted for this device.
  'wanted-again': 'device',
  repair: 'device',
  'resend-budget': 'device',
  'log-budget': 'device',
  'session-budget': 'device',
  'again-budget': 'device',
  'control-budget': 'device',
  unheard: 'device',
  'again-piece': 'device',
  arrival: 'device',
  'arrival-ids': 'device',
  'arrival-loop': 'device',
  profile: 'history',
  // Told again, by the platform.
  username: 'device',
  // Fetched again, from where whoever shows it has put it.
  'profile-picture': 'device',
  'profile-spread': 'history',
  'profile-told': 'history',
  'picture-grant': 'history',
  'file-upload': 'device',
};

/** Where an archive goes. */
export type ArchivePurpose = 'backup' | 'history';

/** The kinds of record that an archive for this purpose may hold, in the order in which it holds them. */
export function kindsFor(purpose: ArchivePurpose): string[] {
  const isIn = (fate: Fate) => fate === 'history' || (purpose === 'backup' && fate === 'backup');
  return Object.keys(KINDS).filter((kind) => isIn(KINDS[kind]!));
}

/** The kind of a record, by its key. */
export function kindOf(key: string): string {
  return key.split('/', 1)[0]!;
}
