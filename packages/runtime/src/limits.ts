/** Bounds and deadlines of every service process, each with its reason. */

/**
 * How long a process may take to finish after SIGTERM: sockets drain for ten seconds, answers under way have five more.
 * Kubernetes kills after 30 s; Docker after 10, unless it is told otherwise as in `docker-compose.yml`.
 */
export const SHUTDOWN_MS = 25_000;

/** How long a server waits for answers under way before it cuts them off; leaves time for the rest of the shutdown. */
export const DRAIN_MS = 5_000;

/**
 * A process that goes down ends its WebSockets one by one, so far apart at most, and begins the last within this time:
 * their clients come back elsewhere as they are ended, and each costs a handshake and a catch-up.
 */
export const DRAIN_GAP_MS = 10;
export const DRAIN_SPREAD_MS = 10_000;

/**
 * A request's arrival as a whole. A file of 100 MiB over a slow line takes most of an hour; those who read bodies give
 * up sooner.
 */
export const REQUEST_MS_MAX = 60 * 60_000;

/** Its head, 16 KiB at most. Slower senders hold a connection for nothing. */
export const HEADERS_MS_MAX = 15_000;

/** How often a server looks for connections that have taken too long. */
export const CONNECTIONS_CHECK_MS = 5_000;

/** A body that is read whole, 1 MiB at most: 35 KB/s. Slower senders hold memory and a connection for nothing. */
export const BODY_MS_MAX = 30_000;

/**
 * Connections of one process; further ones are closed as they come. An idle WebSocket takes 25 KB, so together they hold
 * half a gigabyte, and far fewer file descriptors than hosts allow, also where each takes a second one to a service.
 */
export const CONNECTIONS_MAX = 20_000;

/** A TLS handshake, and a request for plain HTTP to be sent elsewhere. Neither has anything to wait for. */
export const TLS_HANDSHAKE_MS = 10_000;
export const REDIRECT_MS = 10_000;

/** Certificate and key are written one after the other: so long after the last change they are read. */
export const TLS_SETTLE_MS = 250;

/** And this often in any case, where the file system does not tell of changes. */
export const TLS_POLL_MS = 30_000;

/** How long a connection stays open after an answer that ends it, for its sender to read that answer. */
export const LINGER_MS = 500;

/** One call from service to service. A caller of ours waits behind it, and the contract promises an answer in 2 s. */
export const PEER_DEADLINE_MS = 2_000;

/** Headers of a forwarded request's answer. Longer than any statement runs, so that the peer reports its own fault. */
export const FORWARD_DEADLINE_MS = 15_000;

/** One readiness check. A probe that hangs is a probe that fails. */
export const READY_DEADLINE_MS = 2_000;

/** Values of a JSON body. A message for 256 devices has 800, and what schemas do with unknown ones is dear. */
export const JSON_VALUES_MAX = 4_000;

/** Objects and arrays of a JSON body, one in another. Ours have three; schemas walk by recursion. */
export const JSON_DEPTH_MAX = 32;

/** Revocations are asked for this often; a socket must close within 5 s of one. */
export const REVOCATIONS_POLL_MS = 2_000;

/** How long an access token can live. A revocation older than that speaks of tokens that are dead anyway. */
export const ACCESS_TOKEN_MS = 15 * 60_000;

/** Revocations of the moments before the last poll are asked for again: commits are not seen in the order of their times. */
export const REVOCATIONS_OVERLAP_MS = 10_000;

/** Uses of access tokens are told this often: ten seconds begin with them, so a second more matters little. */
export const TOKEN_USES_MS = 1_000;

/** And so many at once, as the contract has it. */
export const TOKEN_USES_AT_ONCE = 500;

/** Uses that wait while auth is away, at 300 bytes each: as many as sessions are active at one time. */
export const TOKEN_USES_MAX = 10_000;

/** A token with an unknown key id makes the key set be fetched again, at most this often: anyone can invent key ids. */
export const KEY_SET_REFETCH_MS = 2_000;

/** A key that was withdrawn is believed no longer than this. */
export const KEY_SET_AGE_MS = 10 * 60_000;

/** Tokens whose signatures are not verified again: so many sessions are active at one time, at 500 bytes each. */
export const TOKENS_BELIEVED_MAX = 10_000;

/** A request proof. Ours have 500 bytes; to verify a signature over more is work for nothing. */
export const PROOF_BYTES_MAX = 4096;

/** How long a nonce for proofs is given out; it is good for as long again. */
export const PROOF_NONCE_MS = 60_000;

/** Connections of one process to PostgreSQL. Five services of 10 stay below the server's default of 100. */
export const DATABASE_POOL_MAX = 10;

/** Waiting for a connection: a full pool or a dead database is told to the caller while the caller still listens. */
export const DATABASE_CONNECT_MS = 2_000;

/** One statement. Nothing that a request waits for takes longer. */
export const DATABASE_STATEMENT_MS = 10_000;

/**
 * A connection that owes an answer for that much longer and says nothing. The server would have ended the statement by
 * itself, so it is gone without a word, or the way to it is. The pool closes idle connections sooner, after ten seconds.
 */
export const DATABASE_SILENCE_MORE_MS = 2_000;

/**
 * Statements whose answers are worth nothing when they are late: what waits for another's lock, what runs, and what has
 * gone silent. Together with the way there they leave an answer in 2 s.
 */
export const DATABASE_URGENT_LOCK_MS = 500;
export const DATABASE_URGENT_STATEMENT_MS = 1_500;
export const DATABASE_URGENT_SILENCE_MS = 2_000;

/** An idle connection is asked this soon whether its other side is still there; a dead one is found 10 s later. */
export const DATABASE_KEEPALIVE_MS = 5_000;

/** A transaction that its owner forgot holds locks; PostgreSQL ends it. */
export const DATABASE_IDLE_IN_TRANSACTION_MS = 15_000;

/** How long a start waits for a database that is not up yet, as when containers start together. */
export const DATABASE_START_MS = 30_000;

/** One message on the bus: below NATS's default of 1 MiB with its headers. */
export const BUS_MESSAGE_BYTES_MAX = 768 * 1024;

/** One publish or ping. The outbox keeps what was not acknowledged, so there is no use in waiting longer. */
export const BUS_DEADLINE_MS = 2_000;

/** A readiness probe asks the bus, and wants to know before it gives up itself. */
export const BUS_PING_DEADLINE_MS = 1_000;

/** How long a start waits for a bus that is not up yet. */
export const BUS_START_MS = 30_000;

/**
 * And for a cluster that is there but not complete: its servers hear of each other every ten to thirty seconds. Less than
 * the 90 s after which an image's health check gives a start up.
 */
export const BUS_COMPLETE_MS = 75_000;

/** Publishing the same id within this window keeps one message: JetStream's default. */
export const BUS_DEDUPE_MS = 2 * 60_000;

/** First and longest pause before a failed handler gets its message again. */
export const BUS_RETRY_FIRST_MS = 100;
export const BUS_RETRY_MAX_MS = 10_000;

/**
 * Longest pause before a reader that has ended is opened anew. A cluster that has lost a server takes some eight seconds to
 * choose other leaders; whoever waits for an event is not to wait for much longer than that.
 */
export const BUS_REOPEN_MAX_MS = 2_000;

/** A consumer that has said nothing for so long is dead, and its message goes to another one of the group. */
export const BUS_ACK_WAIT_MS = 6_000;

/** A silent connection is dead after two pings. Clients are to have their messages within 10 s of a fault. */
export const BUS_PING_MS = 2_000;

/** One pull request's life, and the server's signs of life within it; two missed ones are a fault. */
export const BUS_PULL_MS = 5_000;
export const BUS_HEARTBEAT_MS = 1_000;

/** Batches of the fan-out log that a follower holds unread. */
export const BUS_FOLLOW_AHEAD_MAX = 64;

/** The server forgets a follower that has gone, and its place, after this time. */
export const FOLLOWER_IDLE_MS = 30_000;

/** Durable events are kept this long for a consumer that is down. What all have taken goes sooner. */
export const EVENTS_AGE_MS = 7 * 24 * 3_600_000;
export const EVENTS_MAX = 1_000_000;

/** Lines of the audit log that wait for auth, at some 400 bytes each; beyond them they wait in the outboxes. */
export const AUDIT_MAX = 1_000_000;

/** What all consumers have taken leaves the logs this often: what a platform publishes in it is far below their bounds. */
export const BUS_TIDY_MS = 30_000;

/** How full the logs are is asked this often: as often as such numbers are usually read. */
export const BUS_LEVELS_MS = 15_000;

/** How long the oldest rows of the outboxes wait is asked just as often. */
export const OUTBOX_AGE_MS = 15_000;

/** From here on an operator is told that a log fills up. */
export const BUS_LEVEL_WARN = 0.8;

/** The fan-out log: a node that was away longer catches up from the database. */
export const FANOUT_AGE_MS = 10 * 60_000;
export const FANOUT_BYTES_MAX = 256 * 1024 * 1024;

/** Messages that the in-process bus holds for a consumer that has not registered or does not keep up. */
export const BUS_MEMORY_BACKLOG_MAX = 10_000;
/** And what they may hold together, with their ids: the heap is shared with five services. */
export const BUS_MEMORY_BYTES_MAX = 64 * 1024 * 1024;
export const BUS_MEMORY_IDS_MAX = 100_000;

/** Rows that one turn of the outbox takes, and how long a turn may hold its transaction open. */
export const OUTBOX_BATCH_MAX = 100;
export const OUTBOX_TURN_MS = 5_000;

/** Rows that a nudge left behind are found by the sweeper after this time. */
export const OUTBOX_SWEEP_MS = 2_000;

/** Keys that the in-process counters hold. An attacker who varies the key must not grow the heap. */
export const COUNTERS_MEMORY_KEYS_MAX = 100_000;

/**
 * Claims that the in-process counters hold, at 200 bytes each. Request proofs claim for two and a quarter minutes, so it
 * is 1,800 of them a second for as long: what 90 addresses may ask for. Beyond that proofs are refused for all, which is
 * better than a used one being good again.
 */
export const CLAIMS_MEMORY_MAX = 250_000;

/** When they are full, ended ones are looked for this often: to walk them all at every refusal would be work for nothing. */
export const CLAIMS_MAKE_ROOM_MS = 1_000;

/** Ended keys are dropped this often; until then they count as absent. */
export const COUNTERS_SWEEP_MS = 30_000;

/** And those of one limiter: beyond them the oldest is forgotten. */
export const LIMITER_MEMORY_KEYS_MAX = 100_000;

/** An answer of Redis. A limiter that waits is worse than one that says it does not know. */
export const REDIS_DEADLINE_MS = 1_000;

/**
 * One part of an upload: the least that S3 takes, since each upload under way holds one in memory; 100 MiB are 20 of
 * them. The parts of uploads that are not complete have this size too: to change it ends them.
 */
export const BLOB_PART_BYTES = 5 * 1024 * 1024;

/**
 * Memory for the parts of all uploads of a process, unless it is configured: 20 fast ones at once wait for each other
 * hardly, and the process stays small enough for 512 MiB.
 */
export const PART_MEMORY_BYTES = 96 * 1024 * 1024;

/**
 * How long a body waits for such memory before it is refused: a store that takes no more than 3 MB a second has taken
 * all that was there. Shorter than the gateway believes in a service that takes no more of a body.
 */
export const PART_WAIT_MS = 30_000;

/**
 * While others wait, a part has to come with so many bytes a second, measured over this time at least: mobile networks
 * bring more, and who does not had better come again in smaller pieces.
 */
export const PART_RATE_MIN = 64 * 1024;
export const PART_MEASURE_MS = 4_000;

/** Finding the store, waiting for its answer, and a pause in the middle of a body. */
export const BLOB_CONNECT_MS = 2_000;
export const BLOB_ANSWER_MS = 60_000;
export const BLOB_PING_MS = 1_000;

/** A pause that a slow reader may cause: it asks in lumps, as the buffers on the way to it become empty. */
export const BLOB_READER_PAUSE_MS = 11 * 60_000;

/**
 * Connections for what a process does by itself, for readers, and to ask whether the store is there. A slow reader keeps
 * one for as long as it reads, so few would let few starve the rest, and none of the other two are theirs to take.
 */
export const BLOB_SOCKETS_MAX = 256;
export const BLOB_READER_SOCKETS_MAX = 512;
export const BLOB_PING_SOCKETS_MAX = 2;

/** Counts for the audit log are sent this often: a minute is as exact as anybody needs to know. */
export const AUDIT_COUNTS_MS = 60_000;

/** Devices and actions that are counted between two sends, at 300 bytes each; further ones are lost, and that is told. */
export const AUDIT_COUNTS_MAX = 50_000;

/** Entries in one event, as the contract has it. */
export const AUDIT_ENTRIES_MAX = 500;
