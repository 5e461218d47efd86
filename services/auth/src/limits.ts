/** Bounds of the auth service, each with its reason. What operators may want to change is in `config.ts`. */

/** Memory of one Argon2id hash in KiB, passes over it, lanes: the least that OWASP recommends, 10 ms of one core. */
export const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Hashes at one time. They run on libuv's four threads, which file and name lookups share. */
export const HASHES_AT_ONCE = 2;

/** Passwords that wait for their hash: about a second's work. Beyond it callers wait less by trying again later. */
export const HASHES_WAITING_MAX = 100;

/** A predecessor stays good for this long after its successor was first used: requests that crossed on the way. */
export const REFRESH_GRACE_MS = 10_000;

/** First uses remembered per session. More renewals than this within the grace are no honest client's. */
export const FIRST_USES_MAX = 32;

/** How long access tokens may live at most: all services remember a revoked session for this long (`ACCESS_TOKEN_MS`). */
export const ACCESS_TOKEN_MS_MAX = 15 * 60_000;

/** An ended session is kept for this long: longer than any service may still ask who was revoked. */
export const ENDED_SESSION_MS = 24 * 3_600_000;

/** Sessions that nobody can renew are looked for this often: a day more or less, nobody asks for them any more. */
export const SESSIONS_EVERY_MS = 24 * 3_600_000;

/** Sessions looked at in one statement: some milliseconds of the database. */
export const SESSIONS_AT_ONCE = 5_000;

/** Characters of a password that needs no classes of characters. */
export const LONG_PASSWORD_LENGTH = 15;
export const PASSWORD_LENGTH_MIN = 8;

/** How long the audit log keeps the addresses that events came from (DESIGN 5). */
export const AUDIT_SOURCE_MS = 24 * 3_600_000;

/** Whole months that the audit log is kept for, beside the one under way: a year's review finds its year. */
export const AUDIT_MONTHS_KEPT = 12;

/** Partitions made ahead: a platform that nobody restarts for two months, with its timer broken, still notes. */
export const AUDIT_MONTHS_AHEAD = 2;

/** An invitation stays listed for this long after it ended, for the operator to see what became of it. */
export const ENDED_INVITE_MS = 90 * 24 * 3_600_000;

/** A retired device that never had keys is kept for this long, for its owner to find it in an export. */
export const UNUSED_DEVICE_MS = 30 * 24 * 3_600_000;

/** Such devices that go in one statement, which holds up nobody for long; the next ones go next time. */
export const UNUSED_DEVICES_AT_ONCE = 1_000;

/** How often what is old is looked for. An address may stay this much longer than a day. */
export const KEEP_EVERY_MS = 10 * 60_000;

/** A deleted account's rows stay for this long: services ask for ended sessions while access tokens live, 15 minutes. */
export const ERASURE_AFTER_MS = 60 * 60_000;

/** How often deleted accounts are looked for. With the above: gone within two hours, and DESIGN 6 allows a day. */
export const ERASURE_EVERY_MS = 10 * 60_000;

/** A challenge waits for one signature: long enough for a slow line, too short to be kept for later. */
export const CHALLENGE_MS = 60_000;

/** How far the clock of the process that made a challenge may lead ours. */
export const CHALLENGE_LEAD_MS = 5_000;

/** Devices that one event of a deleted account names: a bus message is bounded. An account with more has several. */
export const ANNOUNCED_DEVICES_MAX = 1000;

/**
 * Failures for one account, from wherever and within the same time as the others, that slow it down. Beyond what a
 * family behind several addresses mistypes; a hundred sources would otherwise have five hundred guesses.
 */
export const LOGIN_FAILURES_PER_ACCOUNT = 20;

/**
 * Wrong recovery codes for one account that the audit log tells one by one, within the same time: enough to see that
 * somebody tries. Each row stays for a year, and a hundred sources would write ten thousand.
 */
export const RECOVERY_NOTES_PER_ACCOUNT = 20;

/** An account that is slowed takes one try in this time, of all strangers together. */
export const LOGIN_TURN_MS = 1_000;

/** How long a try waits for its turn: as long as a person believes that something still happens. */
export const LOGIN_TURN_WAIT_MS = 2_000;

/** How often it looks. */
export const LOGIN_TURN_POLL_MS = 200;

/** Tries that wait in one process. Each holds a request open and nothing else; further ones come back later. */
export const LOGIN_TURNS_WAITING_MAX = 200;

/** Exports of one user: each reads all that four services hold of them. One, and another when its answer was lost. */
export const EXPORTS_PER_HOUR = 2;

/** Lines of the audit log in an export, the newest: a busy account writes some thousands in the year that they are kept. */
export const EXPORTED_AUDIT_ROWS_MAX = 20_000;

/** Rows that are sealed anew in one transaction: it takes a moment, and log-ins that want one of them wait for less. */
export const FIELD_ROTATION_ROWS = 200;
