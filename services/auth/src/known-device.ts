/** Which device somebody comes with who is not logged in: the account's own have limits of their own. */
import type { DeviceId } from '@sotto/api';
import type { Approach } from './approach.ts';
import { findDeviceOfName } from './device-store.ts';
import type { Query } from './store.ts';

/** The device, if it is one of the account's and the request was signed with its key. */
export async function knownDeviceOf(
  query: Query,
  { usernameKey, device }: { usernameKey: string; device: DeviceId | undefined },
  { binding }: Pick<Approach, 'binding'>,
): Promise<DeviceId | undefined> {
  if (device === undefined) return undefined;
  const found = await findDeviceOfName(query, { usernameKey, device });
  // Ids of devices are no secret: all who write to a person have them. A device without a key has nothing to show.
  const key = found?.deviceKey ?? undefined;
  const shown = binding?.deviceKey;
  const isShown = key !== undefined && shown !== undefined && Buffer.compare(key, shown) === 0;
  return isShown ? device : undefined;
}
