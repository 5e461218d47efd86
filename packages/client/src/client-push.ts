/** The part of a client that is about waking this device while it is not connected. */
import type { ClientCore } from './client-core.ts';
import type { Abortable } from './connection/heeding.ts';
import { loadLatePart } from './load-late.ts';

/** What a browser gives of a subscription; its keys are not asked for, since a wake-up has no content. */
export interface PushSubscriptionAddress {
  readonly endpoint: string;
}

/** Web Push. A push service learns that something came for a device, and nothing of what or from whom. */
export interface PushDoor {
  /** What a browser subscribes with, an uncompressed point of P-256; undefined on a platform that wakes no devices. */
  pushKey(options?: Abortable): Promise<Uint8Array | undefined>;
  /**
   * Lets this device be woken at a push service, in place of an earlier one. Rejects with `push.off`, and with
   * `push.endpoint-refused` when the platform's operator does not let it go there.
   */
  subscribePush(subscription: PushSubscriptionAddress, options?: Abortable): Promise<void>;
  /** Lets this device be woken no more. */
  unsubscribePush(options?: Abortable): Promise<void>;
}

/** What an application calls about being woken. */
export function openPushDoor({ call }: ClientCore): PushDoor {
  return {
    pushKey: async () => (await loadLatePart()).askPushKey(call),
    subscribePush: async ({ endpoint }) => (await loadLatePart()).subscribeTo(call, endpoint),
    unsubscribePush: async () => (await loadLatePart()).endSubscription(call),
  };
}
