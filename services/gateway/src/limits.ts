/** Bounds of the gateway, each with its reason. Bodies are bounded by the services that read them. */

/** Opening a WebSocket at the message service. A browser shows a spinner meanwhile; the contract promises an answer. */
export const TUNNEL_OPEN_MS = 10_000;

/** Probes of an idle tunnel, so that a peer that lost power does not hold a socket for ever. */
export const TUNNEL_KEEP_ALIVE_MS = 30_000;

/** How long browsers may keep the documents. They change with a release only, and carry an entity tag. */
export const DOCUMENT_SECONDS = 300;
