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

/** An access token this near to its end is renewed before it is used: a streamed upload cannot be sent twice. */
export const TOKEN_MARGIN_MS = 60_000;

/** One-time prekeys made at once; the key service takes as many in one upload. */
export const ONE_TIME_PREKEYS_BATCH = 100;

/** Fewer than this on the server, and another batch is made. */
export const ONE_TIME_PREKEYS_LOW = 10;

/** Messages of one conversation sent and not yet answered. Each holds its ciphertexts in memory. */
export const IN_FLIGHT_PER_CONVERSATION_MAX = 16;

/** Messages of all conversations sent and not yet answered: half of what the platform takes from one socket. */
export const IN_FLIGHT_MAX = 256;

/** Messages that wait in the outbox of one conversation; beyond it `send…` is refused until some are stored. */
export const OUTBOX_PER_CONVERSATION_MAX = 10_000;

/** Store transactions that one commit of the SQLite store carries. All of them wait for the same disk flush. */
export const TRANSACTIONS_PER_COMMIT_MAX = 64;

/** A key of the store, characters. */
export const STORE_KEY_LENGTH_MAX = 256;

/** Characters of a file's name, as people can still read it. */
export const FILE_NAME_LENGTH_MAX = 255;

/** Characters of a file's media type. */
export const FILE_TYPE_LENGTH_MAX = 127;
