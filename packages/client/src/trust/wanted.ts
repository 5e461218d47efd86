/** Whose keys are asked for. */
import type { DeviceId, UserId } from '@sotto/api';

/** What is missing before something can be encrypted: all devices of a user, or some. */
export interface Wanted {
  readonly user: UserId;
  /** Absent: whatever devices the user has. */
  readonly device?: DeviceId;
  /** Of a group's member: which of the platform's versions of the user's devices this is to be; see `Peer`. */
  readonly version?: number;
}
