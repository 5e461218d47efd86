/** Which message another one is about. */
import { DeviceId, MessageId } from '@sotto/api';
import * as z from 'zod';

/** An id is its sender's own, so it names a message together with the device that sent it. */
export const MessageReference = z.strictObject({ device: DeviceId, id: MessageId });
export type MessageReference = z.infer<typeof MessageReference>;
