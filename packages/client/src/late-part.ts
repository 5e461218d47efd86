/**
 * What few pages need at once: devices and linking, the transfer of files, changes to groups, backups, being woken.
 * Bundlers put it into a file of its own, which is fetched when it is first asked for. In one piece: each further one
 * costs a page more than it spares.
 */

export { listOwnDevices, nameOwnDevice } from './account/devices.ts';
export { createLinking } from './account/link-answer.ts';
export { beginLink } from './account/link-offer.ts';
export { reportLostDevice, unlinkDevice, unlinkThisDevice } from './account/own-device.ts';
export { exportBackup, restoreBackup } from './backup/backup.ts';
export { ciphertextReader, openRanges, openWhole } from './files/file-download.ts';
export { upload } from './files/file-upload.ts';
export {
  addMembers,
  foundGroup,
  leaveGroup,
  removeMembers,
  renameGroup,
  setMemberRole,
} from './groups/groups.ts';
export { askPushKey, endSubscription, subscribeTo } from './push-calls.ts';
