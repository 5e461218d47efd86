/** Every bound of the SDK, with what breaks if it is raised. */

/** One JSON call, from the request to the last byte of its answer. Longer, and a dead connection looks like a slow one. */
export const CALL_MS_MAX = 15_000;

/** One JSON answer: a page of history has 1 MiB of ciphertext, in base64url. Longer, and a platform could fill the memory. */
export const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

/** From the ticket to the `hello` frame. */
export const SOCKET_OPEN_MS_MAX = 15_000;

/** Silence on a socket before it counts as dead: the server sends a `heads` frame every 25 seconds. */
export const SOCKET_SILENCE_MS_MAX = 60_000;

/** How long `close()` waits for the server's half of the closing handshake. */
export const SOCKET_CLOSE_MS_MAX = 1_000;

/** The first pause between attempts, and the longest; each is cut by jitter so that clients do not come back in step. */
export const BACK_OFF_MS_FIRST = 250;
export const BACK_OFF_MS_MAX = 30_000;

/**
 * A pause between attempts can be ended this often. More often, and an application that connects again at each
 * `disconnected` hammers a platform that is down.
 */
export const HURRY_PAUSE_MS = 5_000;

/** Whatever a platform asks for. A timer that is set for more than 24 days ends at once. */
export const PAUSE_MS_MAX = 3_600_000;

/** All pauses of one call that somebody waits for. Longer, and a person wonders whether anything happens at all. */
export const CALL_WAIT_MS_MAX = 2_000;

/** All pauses of one call in the background. Longer, and the connection that it holds up counts as failed anyway. */
export const BACKGROUND_WAIT_MS_MAX = 60_000;

/** Clients of a node that goes down come back within this, each at its own moment. */
export const DRAIN_JITTER_MS = 1_000;

/** An access token this near to its end is renewed before it is used: a streamed upload cannot be sent twice. */
export const TOKEN_MARGIN_MS = 60_000;

/**
 * How far this machine's clock may seem to lie from the platform's before it is put right. An answer names whole
 * seconds and may take a few to arrive; a proof may be off by thirty.
 */
export const CLOCK_SKEW_MS_IGNORED = 5_000;

/** A signed prekey is replaced after this. */
export const SIGNED_PREKEY_MS = 7 * 24 * 3_600_000;

/**
 * How long the private half of a signed prekey is kept after its successor was published: the 30 days that somebody may
 * hold on to a bundle, and two weeks for the first message to arrive.
 */
export const SIGNED_PREKEY_KEPT_MS = 44 * 24 * 3_600_000;

/**
 * How long the private half of a one-time prekey is kept after somebody was given it: they may hold on to the bundle for
 * 30 days, and the first message has two months to arrive.
 */
export const ONE_TIME_PREKEY_KEPT_MS = 90 * 24 * 3_600_000;

/**
 * How long after a run another one confirms its time. Less, and a clock that is wrong until it is first set again lets
 * keys go that are in use; more, and keys stay longer.
 */
export const TIME_CONFIRMED_MS = 24 * 3_600_000;

/** The device list is signed anew after this; contacts are warned about one that is twice as old. */
export const DEVICE_LIST_SIGNED_MS = 7 * 24 * 3_600_000;

/** Keys are looked after this often while connected: for what is due each week, and for what did not work. */
export const UPKEEP_MS = 3_600_000;

/** One-time prekeys made at once; the key service takes as many in one upload. */
export const ONE_TIME_PREKEYS_BATCH = 100;

/** Fewer than this on the server, and another batch is made. */
export const ONE_TIME_PREKEYS_LOW = 10;

/** Versions of the device list tried in a row: each failure but the last is another device's that was faster. */
export const LIST_ATTEMPTS_MAX = 6;

/** The pause before a device list is published again. Longer, and who unlinks a device waits for nothing. */
export const LIST_PAUSE_MS = 500;

/** How often a new device asks whether its code was answered, and the old one whether it has joined. */
export const LINK_POLL_MS = 1_000;

/** How long the old device waits for the new one to join the list: as long as its prekeys take to be made and sent. */
export const LINK_JOIN_MS_MAX = 120_000;

/**
 * Messages of one conversation sent and not yet answered: so many at first and after each refusal, behind which all of them
 * are sent again, and one more with each answer, up to so many. Each holds its ciphertexts in memory; fewer, and whoever
 * sends a lot waits for the way to the platform and back.
 */
export const IN_FLIGHT_PER_CONVERSATION = { first: 16, max: 64 } as const;

/** Messages of all conversations sent and not yet answered: half of what the platform takes from one socket. */
export const IN_FLIGHT_MAX = 256;

/** How long what was stored is kept at least to be sent again. Longer, and the store holds more; shorter, and backups must be younger. */
export const RESEND_MS = 48 * 3_600_000;

/** How many messages a platform may have stored that the store knows nothing of. Higher, and numbers could be made to run out. */
export const SENT_EXCESS_MAX = 2 ** 24;

/** How often a platform can have us make new sessions by saying that the store is behind in what it has received. */
export const LEFT_BEHIND_MS = 24 * 3_600_000;

/** Ids of keys that a platform cannot have us skip: as many as a restore of its own skips, and weeks by the million. */
export const KEY_IDS_SPARE = 2 ** 20;

/** Messages that wait in the outbox of one conversation; beyond it `send…` is refused until some are stored. */
export const OUTBOX_PER_CONVERSATION_MAX = 10_000;

/**
 * Places of a conversation that are taken in with one transaction, when they have come one by one. More, and those that
 * came first wait longer; fewer, and each few wait for the disk. A page of what was missed has 256.
 */
export const SLOTS_PER_RUN_MAX = 64;

/** What a store keeps in memory of what was read from it: the records of some thousand contacts, sessions included. */
export const STORE_CACHE_BYTES = 4 * 1024 * 1024;

/** Store transactions that one commit carries. All of them wait for the same disk flush. */
export const TRANSACTIONS_PER_COMMIT_MAX = 64;

/** Entries of the store read at once: larger, and one step of a walk over all of them holds up everything else. */
export const STORE_PAGE = 100;

/** A key of the store, characters. */
export const STORE_KEY_LENGTH_MAX = 256;

/** Parts of a key. In an encrypted store each may take 23 characters, and all together no more than a key. */
export const STORE_KEY_PARTS_MAX = 8;

/**
 * What Argon2id costs to open a store under a passphrase: of the settings that OWASP holds for equally strong, the one with
 * the most memory, which graphics cards have least of. 0.2 to 0.6 s by noble on two old cores; more, and a phone is kept
 * waiting for many seconds; less, and whoever has the disk guesses faster. Written into each store, so that it may rise.
 */
export const PASSPHRASE_COST = { memoryKiB: 46 * 1024, passes: 1, lanes: 1 } as const;

/** How often somebody who waits for a SQLite file looks whether it is free: no system tells. */
export const STORE_POLL_MS = 100;

/** Encrypted names of records that a store remembers. More, and it spends memory instead of 5 µs each. */
export const STORE_NAMES_KEPT = 4_096;

/** Characters of a file's name, as people can still read it. */
export const FILE_NAME_LENGTH_MAX = 255;

/** Characters of a file's media type. */
export const FILE_TYPE_LENGTH_MAX = 127;

/** A thumbnail. In base64 it takes a sixth of what one message holds, and every device of every member gets it. */
export const THUMBNAIL_BYTES_MAX = 8 * 1024;

/** Ciphertexts up to this go up in one request, and are held for it; longer ones in pieces, which can be gone on with. */
export const WHOLE_UPLOAD_BYTES_MAX = 5 * 1024 * 1024;

/**
 * The least that a request brings of a piece when the network is bad: what it costs to lose one. A platform whose memory
 * for uploads is used up gives larger ones up when they are slow; such small ones wait for nobody, and nobody for them.
 */
export const STEP_BYTES_MIN = 64 * 1024;

/** One request that brings a piece, or a part of one. Slower than 85 KiB/s, and smaller parts are tried. */
export const STEP_MS_MAX = 60_000;

/** One upload in one request: 17 KiB/s for the largest. */
export const WHOLE_UPLOAD_MS_MAX = 300_000;

/** A download that brings nothing for so long has broken. */
export const DOWNLOAD_SILENCE_MS_MAX = 30_000;

/** Failures in a row of a transfer: 30 to 60 seconds of pauses, as long as a platform may take to come back. */
export const TRANSFER_ATTEMPTS_MAX = 8;

/** How long somebody who gives an upload up waits for the platform to hear of it; it forgets it by itself. */
export const GIVE_UP_MS_MAX = 2_000;

/** Events that wait for a loop over them. More, and a loop that hangs fills the memory. */
export const EVENTS_WAITING_MAX = 1_000;

/** Between readings of what a page shows: twenty times a second at most, however much comes. */
export const STATE_PAUSE_MS = 50;

/** Conversations read in one transaction of the store, which holds up what is received meanwhile. */
export const STATE_READ_AT_ONCE = 20;

/** Messages of a conversation that a page shows at first, and how many more each time that somebody goes back. */
export const LINES_PAGE = 50;

/** Messages that one list shows. All of them are read again at each change: 20 ms of an old core for so many. */
export const LINES_SHOWN_MAX = 500;

/** How long somebody counts as writing after the last sign of it. */
export const TYPING_SHOWN_MS = 6_000;

/** Between writing down what was delivered, of all conversations. The platform tells once a second of each. */
export const DELIVERED_PAUSE_MS = 1_000;

/** Between telling the platform whose presence is looked at: it finds out who may see whom each time. */
export const PRESENCE_PAUSE_MS = 250;

/** What is known of an unfinished upload is kept for so long: platforms keep none for longer. */
export const UPLOAD_KEPT_MS = 7 * 24 * 3_600_000;

/** One record of a backup. More, and a crafted one could fill the memory; no record of a store comes near it. */
export const ARCHIVE_VALUE_BYTES_MAX = 1024 * 1024;

/** Records that are restored in one transaction: more, and they fill the memory; fewer, and each few wait for the disk. */
export const RESTORED_PER_COMMIT = 500;

/** How far back goes the history that a device hands to one that it links. */
export const LINK_HISTORY_MS = 30 * 24 * 3_600_000;

/** That history, before it is encrypted: it is held whole, and goes up in one request. Of what is more, the oldest stays. */
export const LINK_HISTORY_BYTES_MAX = 4 * 1024 * 1024;

/** How long the platform keeps it. The device that was linked takes it within minutes, or after its next start. */
export const LINK_HISTORY_KEPT_MS = 24 * 3_600_000;

/** How often a change of a group is signed anew because another one came first. More, and who races with a platform that lies never ends. */
export const MEMBERSHIP_ATTEMPTS_MAX = 6;

/** Keys of a group's title that are kept until a title comes that they open. More, and one member's false ones fill the store. */
export const SPARE_TITLE_KEYS_MAX = 4;

/** A sender key's distribution message, which is 113 bytes in the first suite. */
export const SENDER_KEY_BYTES_MAX = 1024;

/** Messages that one request asks to have again. More, and one request costs its answerer minutes of sending. */
export const AGAIN_IDS_MAX = 50;

/** One piece of a message that is sent again: in base64url, with two hundred heads, it fits into one control message. */
export const AGAIN_PIECE_BYTES_MAX = 32 * 1024;

/**
 * How long a message that could not be read waits after each time that it was asked for; after the last one it only
 * waits. More times, and a message that nobody ever sent costs others more; fewer, and a device that was away longer
 * than its answer was kept is never asked again.
 */
export const RESEND_WAITS_MS = [2 * 60_000, 2 * 3_600_000, 24 * 3_600_000] as const;

/** How long unreadable messages are gathered before the first request. Longer, and people see that something is missing. */
export const RESEND_GATHER_MS = 200;

/** Between requests to one device. Less, and two devices that cannot read each other keep each other busy. */
export const RESEND_PAUSE_MS = 5_000;

/** How often those are looked at that nothing has come of. Longer, and a clock that was set holds them up longer. */
export const REPAIR_LOOK_MS = 3_600_000;

/** Messages of one device that are asked for at a time, read at each request. */
export const RESEND_WINDOW = 500;

/** Requests to one account of a conversation: some at once, and then seldom. More, and forged messages make us a nuisance. */
export const RESEND_BUDGET = { burst: 12, everyMs: 30 * 60_000 } as const;

/** Readings of a group's log for what one member says in it, or all who are none. More, and a member who names entries of no log keeps us busy. */
export const LOG_BUDGET = { burst: 12, everyMs: 30 * 60_000 } as const;

/** New sessions for requests to one account. Platforms give out six bundles of it before they make us wait. */
export const FRESH_SESSION_BUDGET = { burst: 5, everyMs: 30 * 60_000 } as const;

/** Messages sent again to one account. More, and whoever holds a device of a contact decides what ours does all day. */
export const AGAIN_BUDGET = { burst: 500, everyMs: 60_000 } as const;

/** Keys and profiles given again to one account of a conversation: to each of its devices once, of people who have many. */
export const CONTROL_AGAIN_BUDGET = { burst: 8, everyMs: 10 * 60_000 } as const;

/** Characters of the name that somebody shows to others. */
export const PROFILE_NAME_LENGTH_MAX = 64;

/** The picture beside it: a good one of 512 by 512 dots. More, and it costs a store its place once for each contact. */
export const PICTURE_BYTES_MAX = 256 * 1024;

/** How often a conversation in which much is sent is looked through for devices that do not know the profile. */
export const PROFILE_LOOK_MS = 1_000;

/** How long a message may stay before it goes away by itself: four weeks, so that clocks matter little. */
export const LIFETIME_SECONDS_MAX = 28 * 24 * 3600;

/** UTF-16 units of a reaction: one emoji, with all that it may be joined from. */
export const REACTION_LENGTH_MAX = 32;

/** This device's chain in a group, encoded: 137 bytes in the first suite. */
export const SENDER_CHAIN_BYTES_MAX = 256;

/** A sender key is replaced after this: whoever has learned one reads on until then. */
export const SENDER_CHAIN_MS = 7 * 24 * 3_600_000;

/**
 * Messages by one sender key. A member who got none of them can still follow 25 000; more, and one that was away for long
 * could not go on with the last ones.
 */
export const SENDER_CHAIN_MESSAGES_MAX = 20_000;

/**
 * Devices that one control message goes to. Each costs 0.1 to 0.2 ms by noble, so one transaction takes 10 ms of a page's
 * time; more, and a page stutters; fewer, and a group's first message takes more of them.
 */
export const CONTROL_RECIPIENTS_MAX = 64;

/** Accounts whose bundles are taken in side by side: as many commits share one flush of the disk. */
export const MET_AT_ONCE = 16;

/** How long work goes on before others have their turn. A page that draws has 16 ms for everything. */
export const STRETCH_MS_MAX = 12;

/** Between two members looked up in the key log: half of the requests that a user has, at most, so that the rest is for people. */
export const MEMBER_PROOF_MS = 2_000;

/**
 * Accounts that wait in memory for their turn to be looked up: five of the largest groups. Of more than that those are
 * dropped who have waited longest; who has written stays in the store, and others come with the next message to them.
 */
export const PROOFS_WAITING_MAX = 1_000;

/** Members of whom nothing could be had get nothing for so long; then they are asked for again. */
export const PASSED_OVER_MS = 10 * 60_000;

/** Messages of which one account may speak in a conversation before they come. More, and a member fills the store with others. */
export const ANNOTATIONS_WAITING_MAX = 100;

/**
 * Messages that wait for a loop over `messages()`, of a store where none has ever run. More, and the store of an application
 * that shows `state` alone fills with them; fewer, and one that loops for the first time later finds less.
 */
export const ARRIVALS_WITHOUT_LOOP_MAX = 10_000;

/** Arrivals between two looks at that. More often, and each message costs another reading. */
export const ARRIVALS_PER_LOOK = 50;

/** Items behind the read mark that are looked at to count the unread. More, and reactions make each new message dear. */
export const UNREAD_SEARCHED_MAX = 5_000;

/** Unread messages of a conversation that are counted. More, and each new message costs going through all of them. */
export const UNREAD_COUNTED_MAX = 1_000;

/** The newest messages of an outbox that lines are made of. More, and each change of one costs going through all of them. */
export const OUTBOX_VIEWED_MAX = 1_000;

/** How far back it is looked who wrote what was read at once. Who wrote before that has not been waiting for it. */
export const READ_AUTHORS_SEARCHED_MAX = 500;

/** Among so many of the newest items one of our own is looked for, where nothing else says that a conversation is no request. */
export const OWN_ITEMS_SEARCHED_MAX = 500;

/** How far was read is told this often. More often, and reading on costs as many messages as writing. */
export const READS_PAUSE_MS = 1_000;

/** It is looked for messages whose time has come no more often than this, and no less often: clocks are set, machines sleep. */
export const SWEEP_PAUSE_MS = 1_000;
export const SWEEP_MS_MAX = 3_600_000;

/** That somebody writes is told again after this, half of how long it is shown. */
export const TYPING_AGAIN_MS = 4_000;

/**
 * How often it is told between two messages. Each time takes a key of every session, and whoever was not there has to skip
 * them all at the next message: a thousand at most.
 */
export const TYPING_PER_MESSAGE_MAX = 50;

/** What is not stored is of no use after this. Longer, and a platform can hold it back for a better moment. */
export const EPHEMERAL_AGE_MS_MAX = 10_000;

/** Such signals that wait to be decrypted. More, and a member who floods us with them holds up messages. */
export const EPHEMERAL_PENDING_MAX = 16;

/** The largest file, in bytes: what the platform's FILE_BYTES_MAX leaves within the encryption. It refuses a longer one. */
export const PLAIN_FILE_BYTES_MAX = 100 * 1024 * 1024;
