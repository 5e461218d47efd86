/** The numbers of the cipher suites, as they appear in signed prekeys, transcripts and messages. */

/** X3DH and Double Ratchet with Ed25519 identities and AES-256-GCM. */
export const SUITE_CLASSIC = 1;

/** Version of this protocol's wire encodings, the first byte of each. */
export const WIRE_VERSION = 1;
