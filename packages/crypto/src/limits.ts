/**
 * Every bound of the protocol, with its reason. A bound is part of the protocol: raising one is
 * safe for the wire, but costs the memory or time that is named beside it.
 */

/** Highest value of a chain counter. One below 2³², so that `counter + 1` still fits its four bytes. */
export const COUNTER_MAX = 0xffff_fffe;

/**
 * Message keys that one message may make us derive ahead, per chain (Double Ratchet section 2.6,
 * MAX_SKIP). Each costs two HMACs, about 5 µs in Node and 10 µs in a browser, before the message is
 * authenticated; so a forged counter costs at most a few milliseconds.
 */
export const SKIP_PER_STEP_MAX = 1_000;

/**
 * Skipped message keys kept per session, and per device and group, oldest dropped. 68 and 40 bytes
 * each, so 136 and 80 kB of state at most.
 */
export const SKIPPED_KEYS_MAX = 2_000;

/** Superseded sessions kept per remote device for messages still under way. */
export const ARCHIVED_SESSIONS_MAX = 40;

/**
 * Bytes of all archived sessions of one record. Reached only when many of them hold skipped keys;
 * the oldest are dropped then, because a record is written again for every message.
 */
export const ARCHIVE_BYTES_MAX = 512 * 1024;

/** A session that was never answered is not used for sending after this: the prekeys may be gone. */
export const UNANSWERED_SESSION_MS_MAX = 30 * 24 * 60 * 60 * 1000;

/** Sender chains kept of one device in one group, for messages that were under way at a rotation. */
export const SENDER_CHAINS_MAX = 5;

/**
 * Steps that one group message may move a sender chain ahead, as in libsignal: a member that was
 * offline for long gets later messages only. Each costs one HMAC, so 0.1 s in Node; and only the sender
 * can cause it, because the signature comes first. Beyond it a new distribution message is needed.
 */
export const SENDER_CHAIN_FORWARD_MAX = 25_000;

/** Registration ids have 14 bits and are never 0, as in Signal. */
export const REGISTRATION_ID_MAX = 0x3fff;

/** Key ids are 1 to 2³²−1; 0 stands for "none" on the wire. */
export const KEY_ID_MAX = 0xffff_ffff;

/** Suites that one signed prekey may list. Two exist; the rest is room. */
export const SUITES_MAX = 8;

/** One-time prekeys made in one call, equal to what the key service accepts in one upload. */
export const ONE_TIME_PREKEYS_MAX = 100;

/** Plaintext of one pairwise or group message after padding. Larger content travels as a file. */
export const PLAINTEXT_BYTES_MAX = 64 * 1024;

/** An encoded message: the padded plaintext and room for the largest header (about 150 bytes). */
export const MESSAGE_BYTES_MAX = PLAINTEXT_BYTES_MAX + 1024;

/** Devices of one account. A direct message carries one ciphertext for each, so its cost grows with this. */
export const DEVICES_MAX = 6;

/** The latest time that there is a date for (ECMA-262, 21.4.1.1). What shows a later one fails, each time that it is shown. */
export const TIME_MS_MAX = 8_640_000_000_000_000;

/** A device list is signed again weekly; one that missed two weeks is warned about. */
export const DEVICE_LIST_AGE_MS_MAX = 14 * 24 * 60 * 60 * 1000;

/** A device list signed further in the future than clocks differ is warned about. */
export const DEVICE_LIST_AHEAD_MS_MAX = 24 * 60 * 60 * 1000;

/**
 * How far the clocks of a key log, of whoever restores its platform and of those who follow it may differ. Longer, and the
 * entry of one restore explains as much of what is seen after it.
 */
export const KEY_LOG_SKEW_MS_MAX = 10 * 60 * 1000;

/** What one device hands another when it is linked, encrypted: as much as a platform passes on. */
export const PROVISION_BYTES_MAX = 256 * 1024;

/** Contacts in it, each of at most 121 bytes: as many as fit into that with the padding. Others are met anew. */
export const PROVISION_CONTACTS_MAX = 1_800;

/** Members of one group: distributing a sender key costs one pairwise message for each of their devices. */
export const GROUP_MEMBERS_MAX = 200;

/** Device-list heads in one envelope: one per member of the largest group, and the sender's own. */
export const DEVICE_LIST_HEADS_MAX = 201;

/**
 * Missing sender counters remembered per sending device and conversation, so that a message that
 * comes late is told from one that comes twice. Beyond it the oldest are given up.
 */
export const MISSING_COUNTERS_MAX = 1_000;

/**
 * Chunks of one encrypted file (C2SP chunked-encryption, which allows up to 2³⁸ and asks for no limit
 * below this): 64 TiB, and the counter fits the last four bytes of the nonce.
 */
export const FILE_CHUNKS_MAX = 2 ** 32;

/** A device's name in UTF-8. Every ciphertext is as long as that of the longest, so each costs 156 bytes. */
export const DEVICE_NAME_TEXT_BYTES_MAX = 127;

/** The title of a group in UTF-8: the most that padding leaves in one ciphertext of the contract, of 1024 bytes. */
export const GROUP_TITLE_TEXT_BYTES_MAX = 511;

/**
 * The most that a store may ask for to stretch its passphrase: about half a minute by noble. More, and a changed file
 * holds its owner up for longer, or takes memory that a phone does not have.
 */
export const PASSPHRASE_COST_MAX = { memoryKiB: 256 * 1024, passes: 8, lanes: 4 } as const;
