/** Bounds of the file service, each with its reason. The size of a file is bounded by the contract: FILE_BYTES_MAX. */

/**
 * A body has to bring this much for each stretch of waiting (`file.upload_stall`, 30 s), or it is given up: 2 KiB/s.
 * Lower would let idle connections hold a reservation for ever; higher would lock out slow mobile networks.
 */
export const STRETCH_BYTES_MIN = 64 * 1024;

/** One upload as a whole. Well below PENDING_MS, so that the sweeper never meets an upload that is still alive. */
export const UPLOAD_MS_MAX = 50 * 60_000;

/** A row that is still pending after this was left by a process that died. */
export const PENDING_MS = 60 * 60_000;

/** How often leftovers are looked for, and how many at a time. */
export const SWEEP_MS = 60_000;
export const SWEEP_ROWS_MAX = 100;

/**
 * What a file costs of its owner's quota at least: a row and an inode are there for an empty one too. A block of most
 * file systems. Whoever changes it must count `usage` anew in a migration.
 */
export const FILE_CHARGE_BYTES_MIN = 4096;

/** Conversations that one file may be shared in. A reader's access costs one question to the message service for each. */
export const GRANTS_PER_FILE_MAX = 100;

/** Questions to the message service at one time for one reader. */
export const QUESTIONS_MAX = 10;

/** How long an answer about a membership is believed: who left reads nothing a second later. */
export const MEMBERSHIP_MS = 1_000;

/** Answers kept. Callers choose what is asked, so the heap must not grow with it. */
export const MEMBERSHIPS_MAX = 10_000;
