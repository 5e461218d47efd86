/**
 * What each operation does, in a sentence, for whoever reads the reference. Apart from the operations, because the SDK
 * carries those into every page that has a chat.
 */

/** Sentences by the ids of operations. */
export const SUMMARIES: { readonly [id: string]: string } = {
  // auth.ts
  register:
    'Make an account with its first device, and log in; a request proof (DPoP) binds the session and names the device key',
  login:
    'Log in with a password, on a device of the account or on a new one; a request proof (DPoP) binds the session',
  openChallenge:
    'A challenge for a device key to sign: used once, within a minute; given for unknown devices too',
  loginByDevice:
    'Log in with a signed challenge instead of a password; takes a request proof (DPoP) by the same key, which binds the session',
  refresh:
    'Exchange a refresh token for its successor and a new access token; a bound session signs the request',
  logout: 'End this session; its tokens stop working',
  logoutEverywhere: 'End all sessions of the account, this one too',
  listSessions: "The account's sessions that have not ended, the newest first",
  endSession: 'End one session of the account; repeating it changes nothing',
  jwks: 'The public keys that access tokens verify with',

  // account.ts
  changePassword: 'Change the password; all other sessions end',
  renewRecoveryCode: 'A new recovery code, shown once; the old one stops working',
  recover:
    'Set a new password with the recovery code: all sessions end, a device is logged in, a new code is shown',
  deleteAccount:
    'Delete the account: it cannot be used from now on, and all that is held of it goes within a day',
  exportAccount: 'Everything that the platform holds about the caller, by service and table',
  me: 'Who the access token belongs to',

  // device.ts
  listDevices: "The account's devices",
  addDevice:
    'Make a device of this account for a device key, which then logs in by challenge; the same key gives the same device',
  renameDevice: 'Give a device another name, encrypted by the caller',
  revokeDevice:
    'Unlink a device: its sessions end, its keys and its queue go; repeating it changes nothing',

  // key.ts
  publishIdentity: "Publish the account's identity key (Ed25519) and this device's registration id",
  replaceIdentity:
    'Give the account another identity key: prekeys of all devices go, contacts are told, the key log gets a leaf; needs a log-in with a password in the last five minutes, or a signed request of a device on the list of a device that is on the list',
  getIdentity: "A user's identity key",
  publishSignedPrekey:
    "Publish this device's signed prekey; the newest one is handed out, older ones are kept for 30 days more",
  publishOneTimePrekeys: 'Publish one-time prekeys of this device; each is handed out exactly once',
  publishDeviceList:
    "Publish the account's next device list, signed by its identity key; messages are encrypted for the devices on it",
  getDeviceList: "A user's newest device list",
  getBundle:
    'Prekey bundles of all devices of a user, or of one; takes a one-time prekey of each. Limited per requester and target; beyond the limit of the target alone, bundles come without one-time prekeys',
  getBundles: 'Prekey bundles of many users at once; takes a one-time prekey of each device',
  countPrekeys:
    'How many one-time prekeys this device has left, and which signed prekey is handed out',
  checkKeys:
    "Compare the caller's view of this device's keys with the platform's: 409 when they differ",
  sendProvisioning:
    'Leave one opaque message for a device that is being linked; kept for ten minutes, and the same again changes nothing',
  takeProvisioning:
    'What was left for the device that made this channel; it may be asked for again until it is too old',

  // key-log.ts
  getKeyLogKeys:
    'The key that the log signs its heads with, and the key under which accounts appear in it, which witnesses do not get',
  getKeyLogHead:
    'The newest signed head of the key log, with a proof that it continues a smaller one (RFC 9162)',
  getKeyLogLeaves: 'Leaves of the key log from an index on, for witnesses; blinded',
  getKeyLogAccount:
    "An account's leaves of the key log from a version on, with a proof that the last one is in the tree of a head",
  cosignKeyLogHead: 'A witness signs a head that it has followed the log to',

  // conversation.ts
  createConversation:
    'Open the conversation with another user, the same one each time; or found a group',
  listConversations: "The caller's conversations, by id",
  getConversation: 'One conversation',
  changeMembership:
    'Add, remove, leave, give a role or rename: one signed entry that follows on the newest',
  listMembership: "A group's membership log from a version on; for who has gone, up to that entry",
  acceptConversation: 'Accept a message request: from now on it is a conversation like any other',
  muteConversation: "Let nothing of a conversation wake the caller's devices until a moment",

  // message.ts
  listMessages: "A conversation's slots in order, after or before a place",
  sendMessage: 'Send a message; answered when it is on disk',
  inbox: 'Messages that this device has not acknowledged, oldest first',
  acknowledgeMessage: 'This device has everything up to this message in its conversation',
  openSocketTicket:
    'A ticket that opens one WebSocket of this session, for clients that cannot set headers',

  // people.ts
  searchUsers: 'Users by the first letters of their names, without case; as the directory allows',
  getUser:
    'A user with whom the caller shares a conversation; any user where the directory is open',
  announcePresence: 'Be there for the next minute, for clients without a socket',
  setPresence: 'Show one’s presence or hide it; who hides it sees nobody else’s',
  listBlocks: 'Whom the caller has blocked',
  blockUser: 'Get nothing more from a user, who is not told',
  unblockUser: 'Get messages from a user again; those that were dropped stay so',
  reportUser: 'Show the operator what somebody wrote: only what the caller chooses to disclose',

  // push.ts
  getPushKey: 'The key that a browser subscribes with: the platform’s VAPID public key',
  subscribePush: 'Wake this device through a push service while it is not connected',
  unsubscribePush: 'Wake this device no more',

  // file.ts
  uploadFile: 'Store one encrypted file; answered when it is stored whole',
  downloadFile:
    'The ciphertext of a file; ranges are honoured. Platforms may answer 307 with a place that gives it for five minutes',
  getFileInfo: 'Size and digest of a file',
  grantFile: 'Let the members of a conversation read a file',
  listGrants: 'Where a file is shared and by whom, for who uploaded it',
  revokeGrant: 'Let the members of a conversation read a file no more, by who uploaded it',
  deleteFile: 'Delete a file that the caller uploaded',

  // file-upload.ts
  describeUploads: 'What of the tus protocol is spoken here',
  createUpload: 'Begin a resumable upload (tus); its whole length is reserved at once',
  findUpload:
    'How many bytes of an upload are stored (tus). A request that still brings some is ended first',
  continueUpload:
    'Bring the next bytes of an upload (tus); what was stored of them when it breaks off is kept',
  endUpload: 'Give an upload up (tus); one that is complete is deleted',
};
