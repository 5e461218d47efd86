/** Bounds of the gateway, each with its reason. Bodies are bounded by the services that read them. */

/** Opening a WebSocket at the message service. A browser shows a spinner meanwhile; the contract promises an answer. */
export const TUNNEL_OPEN_MS = 10_000;

/** Probes of an idle tunnel, so that a peer that lost power does not hold a socket for ever. */
export const TUNNEL_KEEP_ALIVE_MS = 30_000;

/**
 * Between two looks at all tunnels, and how many in a row may find one silent. The message service says something every
 * 25 s: who has missed two of these is gone, or hangs, and its client would wait for ever. At each look a process that
 * was stopped itself counts one, however long it was.
 */
export const TUNNEL_LOOK_MS = 10_000;
export const TUNNEL_SILENT_LOOKS = 6;

/** How long browsers may keep the documents. They change with a release only, and carry an entity tag. */
export const DOCUMENT_SECONDS = 300;

/** How long browsers may keep what is named by its content: a year, which is as long as caches go by. */
export const HASHED_SECONDS = 31_536_000;

/** Files below this are sent as they are: they fit into one packet either way. */
export const COMPRESSED_BYTES_MIN = 1_024;

/** Reaching a service. One that is gone without a word must not keep callers longer than they are promised an answer. */
export const CONNECT_MS = 1_500;

/**
 * How long a service may keep silent when it is its turn. Longer than any statement runs, so that it reports its own
 * fault.
 */
export const SILENCE_MS = 15_000;

/**
 * How long before the gateway looks whether a silent service's machine is still there. Most answers come sooner; a machine that
 * is cut off says nothing, and its requests are to be asked of another within seconds.
 */
export const DOUBT_MS = 2_000;

/** The same for the file service, which lets bodies wait for memory and for its store: it says itself after 30 s. */
export const FILE_SILENCE_MS = 45_000;

/** How long a connection stays open after an answer that ends it, for its sender to read that answer. */
export const LINGER_MS = 500;

/** Addresses with points in hand: some 200 bytes each. An attacker with many addresses must not grow the heap. */
export const LEASES_MAX = 100_000;

/** How long a refused address is refused without asking again. */
export const REFUSAL_MS = 1_000;

/** How long a tunnel that drains waits for the end of a frame, and for the client's goodbye. */
export const TUNNEL_CLOSE_MS = 2_000;
