/** A fault of something that the platform stands on, told as what it means for whoever asked. */
import { ApiError } from '@sotto/api';

/** `service.unavailable` with the fault as its cause; try again in a second. */
export function unavailable(cause: unknown): ApiError {
  return new ApiError('service.unavailable', { cause, retryAfter: 1 });
}
