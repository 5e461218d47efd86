/** Bounds of the message service, each with its reason. */

/** Messages in one transaction: what arrives during two commits at full load. More only lengthens the locks. */
export const BATCH_MESSAGES_MAX = 512;

/** Bytes of one transaction's messages. A batch is copied once on its way into the driver. */
export const BATCH_BYTES_MAX = 4 * 1024 * 1024;

/** While one commit waits for the disk the next one writes; a third only splits batches. */
export const COMMITS_IN_FLIGHT = 2;

/** Messages, and their bytes, that wait for a commit. Beyond it senders hear `message.busy`: the heap must not grow. */
export const QUEUE_MESSAGES_MAX = 8_192;
export const QUEUE_BYTES_MAX = 64 * 1024 * 1024;

/** How long a sender is asked to wait when the queue is full: it empties in less. */
export const BUSY_RETRY_SECONDS = 1;

/** Waiting for another node's lock. Longer than any commit takes; beyond it the batch is halved. */
export const LOCK_TIMEOUT_MS = 1_000;

/** How often one message is tried again by itself before its sender is asked to. */
export const COMMIT_ATTEMPTS_MAX = 4;

/** How long a commit waits for a lost database before its senders hear of it; they keep their messages. */
export const COMMIT_RECONNECT_MS = 3_000;
export const COMMIT_RECONNECT_PAUSE_MS = 100;

/** A cached member list or device list that a send contradicts is asked for again, at most this often. */
export const CONFIRM_MS = 1_000;

/**
 * What is held in memory of conversations, counted in members and devices of some 150 bytes each, and as much as two of
 * them for a conversation itself: sixty megabytes, for as many as 50 000 conversations of two, or 300 groups of 200.
 */
export const AUDIENCE_PARTS_MAX = 400_000;
export const AUDIENCE_PARTS_EACH = 2;

/**
 * Members of now and those who left within so many places, in so many rows at most: what another node commits arrives
 * after those who may see it have left. Whoever left before finds it in the database.
 */
export const FORMER_MEMBER_PLACES = 256;
export const ROOM_MEMBERS_MAX = 512;

/** Conversations read from the database at one time, so that unknown ones leave most of the pool's ten to the rest. */
export const AUDIENCE_READS_MAX = 3;

/** Of one group's members, asked for at their owners at one time: there may be two hundred that nobody has heard of. */
export const OWNERS_ASKED_AT_ONCE = 16;

/** Doubtful sends of one socket looked into at one time; whoever sends to many conversations waits for itself alone. */
export const INQUIRIES_PER_SOCKET_MAX = 2;

/**
 * Sends of one socket to conversations that are not its user's; each costs a query. An honest client learns once of each
 * that it was removed from; one that has met this many is guessing, and its socket is closed.
 */
export const STRANGE_SENDS_MAX = 100;

/** Sends of one socket that have no answer yet; a client that sends more is not reading its answers. */
export const SENDS_PER_SOCKET_MAX = 512;

/** Fragments of one frame. No client of ours sends any; a hostile one must not make thousands of small buffers. */
export const FRAGMENTS_MAX = 64;

/** Conversations in which one socket may send: each costs a counter. Beyond it the client connects again. */
export const LANES_PER_SOCKET_MAX = 10_000;

/**
 * Senders in conversations with points in hand: some 400 bytes each. Beyond it whoever came first asks again; when somebody
 * waits for points in every one of them, others are asked to come back.
 */
export const SEND_LINES_MAX = 50_000;

/** How long a live message that came too early waits for the one before it (DESIGN 2.7). */
export const HOLD_MS = 50;

/** Messages of one conversation held for one socket, shared with other sockets; beyond it they are read again. */
export const HELD_MAX = 256;

/** Messages read at once for a socket: what it may have unacknowledged. */
export const CATCH_UP_PAGE = 256;

/** Stored bytes of one page of history, all devices' ciphertexts included; one message may be larger. */
export const PAGE_BYTES_MAX = 1024 * 1024;

/** Text of one `slots` frame before another is begun; with one slot more it stays below FRAME_BYTES_MAX. */
export const SLOTS_TEXT_MAX = 256 * 1024;

/** Heads in one frame: some 60 bytes each. */
export const HEADS_PER_FRAME_MAX = 1_000;

/** Bytes that a socket has not taken yet. Above the first nothing more is pushed; above the second it is closed. */
export const BUFFERED_PAUSE_BYTES = 512 * 1024;
export const BUFFERED_BYTES_MAX = 2 * 1024 * 1024;

/** How long a socket may stay above the first before it is closed as slow. */
export const SLOW_MS = 20_000;

/** A device that is owed something and neither gets nor acknowledges anything for so long has stopped. */
export const STALLED_MS = 30_000;

/** A ping this often, answered within this time, else the connection is dead. Proxies cut silent ones after 30 s or more. */
export const PING_MS = 25_000;
export const PONG_MS = 8_000;

/** Pings, deadlines and token ends are looked at this often, for all sockets at once: no timer per socket. */
export const TICK_MS = 1_000;

/** How long a closed socket has for the other side's goodbye. */
export const CLOSE_MS = 2_000;

/** Reads of history for sockets at one time. A node that restarts meets all its devices at once; the pool has ten. */
export const SOCKET_READS_MAX = 6;

/** Sockets that ask for their moment of arrival at one time: a short query, which waits for no catch-up. */
export const ARRIVALS_AT_ONCE = 2;

/** A failed read for a socket is tried again after this time. */
export const READ_RETRY_MS = 1_000;

/** Conversations that one query of a catch-up returns. */
export const POSITIONS_PAGE = 1_000;

/** Acknowledgements are written this often, and this many in one statement. */
export const CURSORS_FLUSH_MS = 1_000;
export const CURSORS_PER_STATEMENT = 5_000;

/** One message on the bus (DESIGN 2.4); a larger batch travels as references. */
export const FANOUT_BYTES_MAX = 768 * 1024;

/** Batches on their way to the bus. A bus that does not answer must not hold more in memory: the sweeper finds them. */
export const PUBLISHES_IN_FLIGHT_MAX = 16;

/** Published rows of the outbox are deleted together, this often. */
export const OUTBOX_DELETE_MS = 250;

/** Outbox rows older than this were left behind (DESIGN 2.4), and are looked for this often. */
export const OUTBOX_STALE_MS = 2_000;
export const OUTBOX_SWEEP_MS = 2_000;
export const OUTBOX_SWEEP_ROWS = 200;

/** How long one turn of the sweeper may go on publishing: PostgreSQL ends a transaction that does nothing for 15 s. */
export const OUTBOX_TURN_MS = 5_000;

/** More rows than this become one mark that makes every node catch up: reading them one by one would take longer. */
export const OUTBOX_ROWS_MAX = 100_000;

/** Sessions that catch up at the same time after a gap in the fan-out log. */
export const RECHECKS_AT_ONCE = 16;

/** Weeks for which partitions exist in advance, and how often that is seen to, by wall-clock time. */
export const PARTITION_WEEKS_AHEAD = 4;
export const PARTITIONS_EVERY_MS = 6 * 3_600_000;

/** The clock is looked at this often: timers stand still while a machine sleeps. */
export const PARTITIONS_TICK_MS = 60_000;

/** Milliseconds of a day. */
export const DAY_MS = 86_400_000;

/** How much longer ids are remembered than messages: for outboxes that were away all that time (DESIGN 2.1). */
export const MESSAGE_IDS_KEPT_DAYS = 7;

/** Expired messages are emptied this often; readers do not wait for it. Weeks and ids are looked at hourly. */
export const RETENTION_TICK_MS = 15_000;
export const RETENTION_EVERY_MS = 3_600_000;

/** Messages emptied, ids deleted, and conversations raised in one statement, whose locks others may wait for. */
export const EXPIRED_AT_ONCE = 256;
export const MESSAGE_IDS_AT_ONCE = 2_000;
export const FIRSTS_AT_ONCE = 500;

/** How long dropping a week may make every message wait. When it does not come to it, it is tried again. */
export const WEEK_LOCK_TIMEOUT_MS = 300;

/** How long the incarnation is believed: it changes only when the platform is restored. */
export const INCARNATION_AGE_MS = 5_000;

/** Users whom a directory that is not open finds at once, and the letters that it wants: so that nobody lists it. */
export const FOUND_USERS_MAX = 10;
export const SEARCH_LENGTH_MIN = 3;

/** Users that one user may block: a list of all of them is one answer. */
export const BLOCKS_MAX = 1_000;

/** Groups that a block looks at in one statement: an entry that adds two hundred has some four kilobytes. */
export const DEAFENED_AT_ONCE = 100;

/** Reports that one user may make in a day: an operator is to read them. */
export const REPORTS_PER_DAY = 20;

/** How long reports are kept, closed or not: they hold plaintext. */
export const REPORTS_KEPT_DAYS = 90;

/** Old reports are looked for this often, and so many are deleted in one statement. */
export const REPORTS_SWEEP_MS = 3_600_000;
export const REPORTS_PER_SWEEP = 1_000;

/** Messages that the erasure of an account looks at in one statement: each may be a megabyte. */
export const ERASED_MESSAGES_AT_ONCE = 32;

/** How often an erasure that failed or was broken off is taken up again. */
export const ERASURE_EVERY_MS = 60_000;

/**
 * Conversations and users that are looked at to tell who should hear of changed keys, one signal for all: at 40 bytes a
 * user it stays far below what the bus takes. Whoever is left out learns it from its next send.
 */
export const HINTED_CONVERSATIONS_MAX = 2_000;
export const HINTED_USERS_MAX = 5_000;

/** What a sender may send beyond its minutes comes back this long after the first of it was used. */
export const SEND_BURST_MS = 60 * 60_000;

/** A node says this often that it lives, and counts as dead after this time: three beats missed. */
export const NODE_BEAT_MS = 2_000;
export const NODE_DEAD_MS = 7_000;

/** Dead nodes are removed with their connections after this time, and looked for this often; then devices are woken. */
export const NODE_FORGOTTEN_MS = 30_000;
export const NODES_SWEEP_MS = 10_000;

/** Connections that came and went are gathered for this time, and this many are written in one statement. */
export const CONNECTIONS_FLUSH_MS = 250;
export const CONNECTIONS_PER_STATEMENT = 5_000;

/** How long somebody who announced it by a request counts as there. */
export const ANNOUNCED_MS = 60_000;

/** Announcements in one statement, and those that may wait for theirs; beyond it their makers try again. */
export const ANNOUNCEMENTS_PER_STATEMENT = 1_000;
export const ANNOUNCEMENTS_WAITING_MAX = 10_000;

/** When somebody was last here is told in steps of this: it says whether to expect an answer, not what they do when. */
export const LAST_SEEN_GRAIN_MS = 600_000;

/** News of who came and went is gathered for this time, and so many users or pairs are asked for in one statement. */
export const LOOK_MS = 250;
export const LOOKS_PER_STATEMENT = 1_000;

/** Who is gone is told after this time: a device that changes networks or nodes is back before. */
export const GONE_GRACE_MS = 2_000;

/** Signals may be lost: everybody watched is looked at anew within this time, and who may watch whom within that. */
export const LOOK_AGAIN_MS = 30_000;
export const SIGHTS_AGAIN_MS = 300_000;

/** How often one socket may ask anew whom it may see, by naming others to watch: it costs a join for each. */
export const SIGHTS_PAUSE_MS = 2_000;

/** Pairs that are asked about before those are who may have come or gone: a fifth of a second's work. */
export const SIGHTS_PER_ROUND = 4_000;

/** A failed look is repeated after this time. */
export const LOOK_RETRY_MS = 1_000;

/** Users in one signal: 40 bytes each, far below what the bus takes. */
export const SIGNALLED_USERS_MAX = 5_000;

/** How long it is believed who is in a conversation, where only signals depend on it; changes are told before. */
export const CIRCLE_AGE_MS = 30_000;

/** Members that are remembered over all conversations, some 60 bytes each, and users of whom news came lately. */
export const CIRCLE_MEMBERS_MAX = 200_000;
export const CIRCLE_NEWS_MAX = 10_000;

/** Conversations asked for in one statement, of 200 members at most, and those that may wait; signals of others are lost. */
export const CIRCLES_PER_STATEMENT = 200;
export const CIRCLES_WAITING_MAX = 5_000;

/**
 * Ephemeral frames of one socket. A point pays for 16 devices: ten frames a second to a few devices, one in 1.3 s to a
 * group of 200, and at most 655 KB a second that one socket makes the platform send.
 */
export const EPHEMERAL_BURST_POINTS = 100;
export const EPHEMERAL_POINTS_PER_SECOND = 10;
export const EPHEMERAL_DEVICES_PER_POINT = 16;

/** What has been delivered is told this often (the contract says a second), from at most this many acknowledgements. */
export const DELIVERED_MS = 1_000;
export const DELIVERED_PENDING_MAX = 20_000;

/** Of acknowledged places that no socket was sent, so many ranges of so many places are looked up in a second. */
export const DELIVERED_RANGES_MAX = 500;
export const DELIVERED_RANGE_PLACES_MAX = 256;

/** A device that was woken is not woken again before this time, unless it was connected meanwhile; urgently, before that. */
export const WAKE_AGAIN_MS = 60_000;
export const ALARM_AGAIN_MS = 5_000;

/** How long a push service keeps a wake-up for a device that it does not reach: by then the device looks by itself. */
export const PUSH_TTL_SECONDS = 24 * 3_600;

/** Requests to push services under way at one time, and connections to each that are kept. */
export const PUSHES_AT_ONCE = 16;
export const PUSH_IDLE_SOCKETS_MAX = 4;

/** How long one request may take; after the lease another node does it. */
export const PUSH_DEADLINE_MS = 10_000;
export const PUSH_LEASE_MS = 30_000;

/** A wake-up that failed waits four times as long each time, and is given up after half an hour. */
export const PUSH_ATTEMPTS_MAX = 6;
export const PUSH_RETRY_FIRST_MS = 5_000;
export const PUSH_RETRY_MAX_MS = 1_800_000;

/** Wake-ups that another node left behind, or that wait for their time, are looked for this often. */
export const PUSH_POLL_MS = 2_000;

/** Until somebody has subscribed on another node, this node may not read the log for wake-ups. */
export const PUSH_WATCH_MS = 10_000;

/** Devices that connected are noted together. Those that left are looked at once acknowledgements are written. */
export const PUSH_ARRIVED_MS = 50;
export const PUSH_LEFT_MS = 2_000;
export const DEVICES_PER_STATEMENT = 5_000;

/** A token for a push service lives half of the day that RFC 8292 allows, and is made anew long before. */
export const VAPID_TOKEN_MS = 12 * 3_600_000;
export const VAPID_RENEW_MS = 6 * 3_600_000;

/** Push services whose tokens are remembered. */
export const VAPID_ORIGINS_MAX = 100;
