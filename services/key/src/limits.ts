/** Bounds of the key service, each with its reason. */

/** Uploads that wait for their keys to be checked: 64 of 100 keys are some seconds of one core. */
export const CHECKS_WAITING_MAX = 64;

/**
 * Issued one-time prekeys remembered per device, newest ids first, so that an upload whose answer was lost may be
 * repeated. What is older is still never issued again: it lies below the mark. Five times what may be stored.
 */
export const ISSUED_PREKEYS_KEPT = 1_000;

/** Signed prekeys kept per device, however young: six weeks of weekly ones, and some more that somebody hurried. */
export const SIGNED_PREKEYS_KEPT = 16;

/** How long a signed prekey is kept after the next one came, so that its upload may be repeated. */
export const SIGNED_PREKEY_KEPT_MS = 30 * 24 * 3_600_000;

/** A signed prekey older than this is to be replaced by its device. */
export const SIGNED_PREKEY_OLD_MS = 7 * 24 * 3_600_000;

/** Bundles that one statement claims. It holds its locks for some milliseconds, however few of them meet. */
export const CLAIMS_PER_STATEMENT_MAX = 64;

/** Statements that claim bundles at one time: one waits for the disk while the other works. */
export const CLAIM_STATEMENTS_MAX = 2;

/** Connections for those statements, and for what one user's locked prekeys have to be kept apart from. */
export const CLAIM_CONNECTIONS_MAX = 4;

/** A user whose prekeys were found locked is not claimed for again so soon; callers are told to come in a second. */
export const CLAIM_LOCKED_MS = 1_000;

/** Bundles that wait to be claimed: a second of work. What comes then is told to come again. */
export const CLAIMS_WAITING_MAX = 4_096;

/** How long one waits to be claimed. Its caller gives up then, and nobody would get what is claimed later. */
export const CLAIM_MS = 2_000;

/** Answers that cost nothing to ask for again do not keep their callers waiting for longer, whatever the database does. */
export const PROMPT_MS = 2_000;

/** How long a change of a device list waits for the message service to confirm it. */
export const CONFIRM_MS = 2_000;

/** Messages of one user that wait for devices being linked: each may be 256 KiB. */
export const PROVISIONING_PER_USER_MAX = 10;

/** Messages for devices that never came are deleted this often. */
export const PROVISIONING_SWEEP_MS = 60_000;

/**
 * How long a device that has ended is remembered. Its last access token ends within a quarter of an hour, and events that
 * speak of it within a week.
 */
export const RETIRED_DEVICE_KEPT_MS = 30 * 24 * 3_600_000;

/** How long a head is kept that no witness has signed and a newer one has followed: time enough for one to come by. */
export const KEY_LOG_HEAD_KEPT_MS = 3 * 24 * 3_600_000;

/** What is older is deleted this often, and so many rows in one statement: it holds their locks for milliseconds. */
export const RETENTION_SWEEP_MS = 24 * 3_600_000;
export const RETENTION_BATCH_MAX = 1_000;

/** Pending leaves of the key log are looked for this often: no identity waits longer for its place in the tree. */
export const KEY_LOG_APPEND_MS = 1_000;

/** How long a process waits for more after a leaf of its own: many that come together share a head and a commit. */
export const KEY_LOG_GATHER_MS = 100;

/** Leaves in one batch: their insertion holds one transaction open for some tens of milliseconds. */
export const KEY_LOG_BATCH_MAX = 1_000;

/** How long an answer about an account waits for its newest leaf to be in the tree, and how often it looks. */
export const KEY_LOG_WAIT_MS = 2_000;
export const KEY_LOG_LOOK_MS = 50;
