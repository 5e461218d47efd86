/** Bounds of the key service, each with its reason. */

/** Uploads that wait for their keys to be checked: 64 of 100 keys are some seconds of one core. */
export const CHECKS_WAITING_MAX = 64;

/**
 * Issued one-time prekeys remembered per device, newest ids first, so that an upload whose answer was lost may be
 * repeated. What is older is still never issued again: it lies below the mark. Five times what may be stored.
 */
export const ISSUED_PREKEYS_KEPT = 1_000;

/** Signed prekeys kept per device. The newest is handed out, the others let their uploads be repeated. */
export const SIGNED_PREKEYS_KEPT = 5;
