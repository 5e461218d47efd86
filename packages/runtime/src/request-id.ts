/** The name of one request in logs and problems: the caller's own when it is well-formed, else a new one. */
import { randomUUID } from 'node:crypto';

const WELL_FORMED = /^[A-Za-z0-9._-]{1,64}$/;

/** Kept from hop to hop, and on every answer. */
export const REQUEST_ID_HEADER = 'x-request-id';

/** The request's id. */
export function requestIdOf(request: Request): string {
  const given = request.headers.get(REQUEST_ID_HEADER);
  return given !== null && WELL_FORMED.test(given) ? given : randomUUID();
}
