/** Devices to which the same happened within a moment, for one statement instead of many. */
import type { DeviceId } from '@sotto/api';
import type { Closable } from '@sotto/runtime';
import { DEVICES_PER_STATEMENT } from './limits.ts';

export interface DeviceBatches extends Closable {
  add(device: DeviceId): void;
}

/**
 * Hands devices on, each after `everyMs` and before twice that, once however often it was added. What cannot be handled
 * is told to `onFailure` and forgotten. Closing hands nothing more on, and waits for what is under way.
 */
export function createDeviceBatches(
  everyMs: number,
  handle: (devices: readonly DeviceId[]) => Promise<void>,
  onFailure: (error: unknown) => void,
): DeviceBatches {
  let young = new Set<DeviceId>();
  let ripe = new Set<DeviceId>();
  let handling: Promise<void> | undefined;

  async function work(devices: readonly DeviceId[]): Promise<void> {
    for (let start = 0; start < devices.length; start += DEVICES_PER_STATEMENT) {
      await handle(devices.slice(start, start + DEVICES_PER_STATEMENT));
    }
  }

  const timer = setInterval(() => {
    if (handling !== undefined) return;
    const devices = [...ripe];
    ripe = young;
    young = new Set();
    if (devices.length === 0) return;
    handling = work(devices)
      .catch(onFailure)
      .finally(() => {
        handling = undefined;
      });
  }, everyMs);
  return {
    add: (device) => void young.add(device),
    async close() {
      clearInterval(timer);
      await handling;
    },
  };
}
