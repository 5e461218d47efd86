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

/**
 * A file whose bytes have all come is written down so often, and so far apart, while the database is away: with the
 * time that each attempt may take it is less than the gateway waits for an answer.
 */
export const SETTLE_ATTEMPTS_MAX = 5;
export const SETTLE_PAUSE_MS = 1_000;

/** How often leftovers are looked for, and how many at a time. */
export const SWEEP_MS = 60_000;
export const SWEEP_ROWS_MAX = 100;

/** Pieces that no upload has which one round removes. Each upload that breaks off leaves one or two. */
export const LOOSE_MAX = 1000;

/** After so many failures in a row a round stops removing: it is not a blob that is stubborn, the store is down. */
export const FAILURES_IN_ROW_MAX = 5;

/**
 * What a file costs of its owner's quota at least: a row and an inode are there for an empty one too. A block of most
 * file systems. Whoever changes it must count `usage` anew in a migration.
 */
export const FILE_CHARGE_BYTES_MIN = 4096;

/** Conversations that one file may be shared in. A reader's access costs a question or two to the message service for each. */
export const GRANTS_PER_FILE_MAX = 100;

/** Those of them in which others than the uploader may share it: nobody takes all the room that the uploader has. */
export const GRANTS_BY_OTHERS_MAX = 20;

/** Questions to the message service at one time for one reader. */
export const QUESTIONS_MAX = 10;

/** How long an answer about a membership is believed: who left reads nothing a second later. */
export const MEMBERSHIP_MS = 1_000;

/** Answers kept. Callers choose what is asked, so the heap must not grow with it. */
export const MEMBERSHIPS_MAX = 10_000;

/** What time limits below are counted in. */
export const DAY_MS = 24 * 60 * 60_000;

/** Files that one statement hides when their time has come: it holds their locks. */
export const HIDDEN_AT_ONCE = 500;

/** Grants that one transaction ends when a conversation has nobody left, for the same reason. */
export const GRANTS_ENDED_AT_ONCE = 500;

/**
 * How often the message service is asked whether a conversation has members, when nobody was heard to leave it: events
 * may be lost with the bus's store, and the retention of files counts days.
 */
export const CONVERSATION_ASKED_MS = DAY_MS;

/** Such questions of one round. In a day that is for 144 000 conversations and each process; more wait their turn. */
export const CONVERSATIONS_ASKED_MAX = 100;

/** How long a departure is kept in mind. It has to outlive the answers of before it, MEMBERSHIP_MS, and events in disorder. */
export const MEMBERS_LEFT_MS = 60 * 60_000;

/** How often the store is held against the rows. What it finds is days old, so more often would find nothing sooner. */
export const RECONCILE_MS = 60 * 60_000;

/**
 * When a round that could not be done is begun anew: below SWEEP_MS, so that the next sweep does it, and far above what a
 * platform takes that marks the same store in the same moment.
 */
export const RECONCILE_AGAIN_MS = 30_000;

/** Blobs that one such round reads; the next goes on there. A hundred pages of a bucket, some seconds. */
export const RECONCILE_BLOBS_MAX = 100_000;

/** Blobs that are compared by one query, a page of a bucket. */
export const RECONCILE_STRETCH = 1000;

/** What store and rows disagree on may be under way for so long: well above UPLOAD_MS_MAX, clocks and listings. */
export const UNSETTLED_MS = DAY_MS;

/**
 * A blob that has no row for so long is nobody's. A database that was put back from a backup knows nothing of the files
 * that came after it; so long an operator has to find a newer one, and to bring the files back with it.
 */
export const ORPHAN_MS = 7 * DAY_MS;

/** Blobs without a row that one round removes: their keys are held until it is known how many there are. */
export const ORPHANS_MAX = 1000;

/**
 * So many of them are removed whatever else is there, and so many for each blob that has a row: a store that loses
 * its last answers may leave some. More of them are another's, or of a time that the database does not know.
 */
export const ORPHANS_UNQUESTIONED = 25;
export const ORPHANS_SHARE = 0.05;

/** Files whose blobs are lost that one round gives up. More were not lost but lie elsewhere: that is for an operator. */
export const LOST_MAX = 100;

/** How long an address at the store is good for: to begin a download, not to hand it around. */
export const PRESIGNED_SECONDS = 5 * 60;

/**
 * How long a request that brings bytes to an upload is believed to live after it last said so, and how often it does. A
 * process that died keeps nobody from its uploads for longer; one that the database does not hear for so long loses them.
 */
export const TURN_MS = 5_000;
export const TURN_RENEW_MS = 1_000;

/**
 * How long a request waits for its turn: as long as a turn whose process died lasts, and what the one that has it needs
 * to hear that it is wanted and to store what has come. It looks soon, and then less and less often: ten times in all.
 */
export const TURN_PATIENCE_MS = 6_000;
export const TURN_ASK_MS = 100;
export const TURN_ASK_MS_MAX = 800;

/**
 * Transfers of one user in one process. Each keeps a connection to the store for as long as it reads: there are 512 of
 * them, so it takes 64 users at their slowest to use them up. Who opens a gallery asks again for the ninth.
 */
export const DOWNLOADS_PER_USER_MAX = 8;

/** Who asks for one more is told to come again about when a small file has gone. */
export const DOWNLOAD_RETRY_SECONDS = 2;

/**
 * What a reader has to take, in bytes a second: 1.5 KiB. An upload has to bring 2 KiB, STRETCH_BYTES_MIN; a download is
 * seen only through the buffers on its way, and a slow network is to get what it could bring.
 */
export const DOWNLOAD_RATE_MIN = 1536;

/**
 * How long a reader may pause at first, and how long after it has taken much. What lies in buffers on the way is asked
 * for in lumps, up to a megabyte of them: 2 KiB/s take eight minutes for that. Longer, and BLOB_READER_PAUSE_MS ends it.
 */
export const DOWNLOAD_PAUSE_MS_FIRST = 30_000;
export const DOWNLOAD_PAUSE_MS_MAX = 10 * 60_000;

/** How long the store may take for the next bytes of a download: as long as for its first answer. */
export const STORE_SILENCE_MS_MAX = 60_000;

/** Digests of uploads under way that a process keeps between their requests, at a kilobyte each. The eldest go first. */
export const RUNNING_DIGESTS_MAX = 1000;

/** How far the clocks of store and database may be apart, to tell whether a blob is older than the database. */
export const CLOCKS_APART_MS = 10 * 60_000;
