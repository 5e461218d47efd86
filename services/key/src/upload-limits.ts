/**
 * How often a device may publish a signed prekey and a device list. Each is an event and a line of the audit log, and
 * many others hear of a list. No honest device comes near: a first start, linking, repair and rotation need a few.
 */
import type { Limiter, Limiters, LimitsSection } from '@sotto/runtime';
import type { Actor } from './audit.ts';

export interface UploadLimits {
  signedPrekeys: Upload;
  deviceLists: Upload;
}

/**
 * Takes one upload from what the device has left, does it, and gives it back if it was stored before: what is repeated
 * after a lost answer does not count. Throws `rate.limited`.
 */
export type Upload = <Outcome extends { isNew: boolean }>(
  actor: Pick<Actor, 'device'>,
  upload: () => Promise<Outcome>,
) => Promise<Outcome>;

/** Without the shared counts each process counts for itself: keys have to be published all the same. */
export function createUploadLimits(
  limiters: Pick<Limiters, 'limiter'>,
  limits: Pick<LimitsSection, 'signedPrekeysPerHour' | 'deviceListsPerHour'>,
): UploadLimits {
  const hourly = (name: string, points: number): Upload =>
    limited(limiters.limiter(name, { points, windowMs: 3_600_000, whenGone: 'open' }));
  return {
    signedPrekeys: hourly('signed-prekeys', limits.signedPrekeysPerHour),
    deviceLists: hourly('device-lists', limits.deviceListsPerHour),
  };
}

function limited(limiter: Limiter): Upload {
  return async ({ device }, upload) => {
    await limiter.take(device);
    const outcome = await upload();
    if (!outcome.isNew) await limiter.give(device);
    return outcome;
  };
}
