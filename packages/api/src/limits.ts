/** Sizes and counts that both sides of the contract enforce; each with what breaks if it is raised. */

/** One WebSocket frame, bytes. A node buffers a whole frame per socket, so this bounds a hostile client's hold on the heap. */
export const FRAME_BYTES_MAX = 512 * 1024;

/** One JSON request body, bytes, where an operation says nothing else. A full upload of one-time prekeys is 8 KiB. */
export const BODY_BYTES_MAX = 64 * 1024;

/** And where anyone may call: to parse is work that strangers make us do for nothing. A log-in is below 1 KiB. */
export const ANONYMOUS_BODY_BYTES_MAX = 8 * 1024;

/** A message, bytes. The largest honest one is a direct message for every device of two accounts. */
export const MESSAGE_BODY_BYTES_MAX = 1024 * 1024;

/** One ciphertext for one device, bytes. Larger content travels as an encrypted file. */
export const CIPHERTEXT_BYTES_MAX = 96 * 1024;

/** Devices per account. A direct message carries one ciphertext per device, so cost grows with the product. */
export const DEVICES_PER_ACCOUNT_MAX = 6;

/** Devices that one frame may address; larger sets of targeted messages travel in several frames. */
export const RECIPIENTS_PER_MESSAGE_MAX = 256;

/** Members of a group. Every membership check and fan-out is linear in it. */
export const GROUP_MEMBERS_MAX = 200;

/** One-time prekeys in one upload; each costs the server a point check. */
export const ONE_TIME_PREKEYS_PER_UPLOAD_MAX = 100;

/** One-time prekeys stored for a device. */
export const ONE_TIME_PREKEYS_PER_DEVICE_MAX = 200;

/** Key ids are u32 and never reused, so a device would have to use four billion to run out. */
export const KEY_ID_MAX = 0xffff_ffff;

/** Registration ids are 14 bits, as in the Signal protocol. */
export const REGISTRATION_ID_MAX = 0x3fff;

/** Messages, conversations or users in one page of an answer. */
export const PAGE_ITEMS_MAX = 100;

/** Messages pushed to a device and not yet acknowledged by it. */
export const UNACKNOWLEDGED_MAX = 256;

/** Ciphertext of one file: 100 MiB of plaintext in its largest padding class, in encrypted chunks. */
export const FILE_BYTES_MAX = 104_960_072;

/** Passwords, UTF-16 code units. Argon2 hashes any length; a bound keeps its input cheap. */
export const PASSWORD_LENGTH_MAX = 256;

/** What one device hands another through the platform when it is linked, bytes. Held by the platform until taken. */
export const PROVISIONING_BYTES_MAX = 256 * 1024;

/** How long it is held, seconds: as long as somebody may take to walk from one device to another. */
export const PROVISIONING_SECONDS = 600;

/** Users in one request for bundles. Each costs a one-time prekey of each of their devices. */
export const BUNDLES_PER_REQUEST_MAX = 256;

/** A signed device list, bytes: 90 and 50 for each of six devices, rounded up. */
export const DEVICE_LIST_BYTES_MAX = 1024;

/** Leaves of the key log in one answer; a witness reads the log in pages of them. */
export const KEY_LOG_LEAVES_MAX = 1000;

/** A name that a user gives a device, encrypted, bytes. */
export const DEVICE_NAME_BYTES_MAX = 256;

/** How long after a log-in with a password, or a signed request, an account's identity may be replaced, seconds. */
export const FRESH_SECONDS = 300;

/** How far the time of a request proof may lie from the platform's, seconds (DESIGN 5). */
export const PROOF_SECONDS = 30;

/** A device with fewer one-time prekeys than this is told to upload more. */
export const ONE_TIME_PREKEYS_LOW = 10;

/** A signed entry of a membership log, bytes. The largest founds a group of 200: 3 360. */
export const MEMBERSHIP_ENTRY_BYTES_MAX = 4096;

/** Entries of a membership log: numbers above this are no place that the platform's database could keep. */
export const MEMBERSHIP_VERSION_MAX = 0x7fff_ffff;

/** A group's title, encrypted and padded, bytes. */
export const GROUP_TITLE_BYTES_MAX = 1024;

/** One ciphertext of what is not stored, bytes: typing, and other signals that nobody misses. */
export const EPHEMERAL_BYTES_MAX = 4096;

/** Users whose presence one socket is told of: a screen full of conversations and an open group. */
export const WATCHED_USERS_MAX = 256;

/** Cursors in one frame: some 80 bytes each. */
export const CURSORS_PER_FRAME_MAX = 1000;

/** What an operator is shown with a report: messages, and UTF-16 code units of each and of the note. */
export const REPORTED_MESSAGES_MAX = 20;
export const REPORT_TEXT_LENGTH_MAX = 2000;
export const REPORT_NOTE_LENGTH_MAX = 1000;

/** Addresses of push services are some 200 characters long. */
export const PUSH_ENDPOINT_LENGTH_MAX = 1024;
