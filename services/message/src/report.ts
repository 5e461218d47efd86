/** A report, as its reporter makes it and as it is kept. */
import type { Body, DeviceId, reportUser, UserId } from '@sotto/api';

/** What the reporter says and chooses to show. */
export type Disclosure = Body<typeof reportUser>;
export type ReportReason = Disclosure['reason'];
export type ReportedMessage = Disclosure['messages'][number];

/** A report on its way into the database. */
export interface NewReport extends Omit<Disclosure, 'user'> {
  id: string;
  reporter: UserId;
  /** The reporter's. */
  device: DeviceId;
  reported: UserId;
}
