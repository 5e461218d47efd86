/** All methods of a client that ask for something, and what becomes of them when whoever should answer is gone. */

import type { GroupsDoor } from '../client-groups.ts';
import type { Client } from '../client-interface.ts';
import type { PeopleDoor } from '../people/people-door.ts';

/**
 * `again`: it is asked of whoever comes next, because doing it twice is doing it once, or is refused. `lost`: it is not,
 * and rejects with `connection.failed`. A number: it is asked again under the id of the message that the options have,
 * which are the argument at this place.
 */
export type Repetition = 'again' | 'lost' | number;

type Asking<Door> = {
  readonly [K in keyof Door as Door[K] extends (...args: never[]) => Promise<unknown>
    ? K
    : never]: Repetition;
};

/** Methods of the client itself. */
export const CLIENT_METHODS = {
  me: 'again',
  register: 'again',
  login: 'again',
  recover: 'again',
  logout: 'again',
  logoutEverywhere: 'again',
  sessions: 'again',
  endSession: 'again',
  changePassword: 'lost',
  renewRecoveryCode: 'again',
  deleteAccount: 'lost',
  exportData: 'again',
  devices: 'again',
  renameDevice: 'again',
  beginLink: 'again',
  completeLink: 'again',
  unlink: 'again',
  reportLost: 'lost',
  renewIdentity: 'lost',
  history: 'again',
  lines: 'again',
  conversations: 'again',
  findUser: 'again',
  openDirect: 'again',
  sendText: 2,
  sendFile: 2,
  openFile: 'again',
  unsent: 'again',
  whenStored: 'again',
  react: 2,
  edit: 2,
  deleteMessage: 1,
  markRead: 'again',
  typing: 'again',
  setTimer: 2,
  alarms: 'again',
  dismissNotice: 'again',
  acceptIdentity: 'again',
  acceptKeyLog: 'again',
  safetyNumber: 'again',
  exportBackup: 'again',
  restoreBackup: 'lost',
  pushKey: 'again',
  subscribePush: 'again',
  unsubscribePush: 'again',
  connect: 'again',
} as const satisfies Omit<Asking<Client>, 'close'>;

/** Methods of `client.groups`. */
export const GROUP_METHODS = {
  create: 'lost',
  add: 'again',
  remove: 'again',
  leave: 'again',
  setRole: 'again',
  rename: 'again',
  members: 'again',
  acceptLog: 'again',
} as const satisfies Asking<GroupsDoor>;

/** Methods of `client.people`. */
export const PEOPLE_METHODS = {
  list: 'again',
  find: 'again',
  showPresence: 'again',
  block: 'again',
  unblock: 'again',
  blocks: 'again',
  requests: 'again',
  accept: 'again',
  decline: 'again',
  mute: 'again',
  standing: 'again',
  report: 'lost',
  setProfile: 'again',
  profile: 'again',
  openPicture: 'again',
} as const satisfies Asking<PeopleDoor>;
