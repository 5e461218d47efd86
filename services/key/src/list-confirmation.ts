/** Asking the message service to go by a device list at once, where the event alone would take its time. */
import { applyDeviceList, type DeviceListChanged } from '@sotto/api/internal';
import { callPeer, type Fetch } from '@sotto/runtime';
import type { KeyEvents } from './events.ts';
import { CONFIRM_MS } from './limits.ts';

/** Resolves whether it does; never rejects. The event says the same in any case, later. */
export function createConfirmation(
  message: Fetch,
  internalSecret: string,
  events: Pick<KeyEvents, 'confirmationFailed'>,
): (list: DeviceListChanged) => Promise<boolean> {
  return async (list) => {
    try {
      await callPeer(message, applyDeviceList, { body: list }, internalSecret, CONFIRM_MS);
      return true;
    } catch (error) {
      events.confirmationFailed(error);
      return false;
    }
  };
}
