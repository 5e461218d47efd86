/**
 * What few pages need at once: new accounts, devices and linking, another device or identity, a forgotten password, what
 * people decide about identities and logs, files and pictures, changes to groups, backups, reports, being woken.
 * Bundlers put it into a file of its own, which is fetched when it is first asked for. In one piece: each further one
 * costs a page more than it spares.
 */

export { becomeAnotherDevice } from './account/device-move.ts';
export { listOwnDevices, nameOwnDevice } from './account/devices.ts';
export { claimIdentity } from './account/identity-change.ts';
export { createLinking } from './account/link-answer.ts';
export { beginLink } from './account/link-offer.ts';
export { makeNextIdentity } from './account/next-identity.ts';
export { reportLostDevice, unlinkDevice, unlinkThisDevice } from './account/own-device.ts';
export { recoverAccount } from './account/recovered-account.ts';
export { registerAccount } from './account/registered-account.ts';
export { exportBackup, restoreBackup } from './backup/backup.ts';
export { createFiles } from './files/files.ts';
export { readGroupAnew } from './groups/accepted-log.ts';
export { readBrokenGroups } from './groups/broken-groups.ts';
export {
  addMembers,
  foundGroup,
  leaveGroup,
  removeMembers,
  renameGroup,
  setMemberRole,
} from './groups/groups.ts';
export { deleteObsolete, shareCopy } from './people/profile-copies.ts';
export { openPicture } from './people/profile-picture.ts';
export { reportPerson } from './people/report.ts';
export { askPushKey, endSubscription, subscribeTo } from './push-calls.ts';
export { acceptIdentity, compareIdentities, pardonContact } from './trust/compared-identity.ts';
export { forgetKeyLog } from './trust/forgotten-key-log.ts';
