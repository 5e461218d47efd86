/** One-time tickets that open a WebSocket where no header can be set. They are kept for half a minute, as digests. */
import { createHash, randomBytes } from 'node:crypto';
import { ApiError, DeviceId, SessionId, SOCKET_TICKET_SECONDS, UserId } from '@sotto/api';
import type { Caller, Clock, Counters, Revocations } from '@sotto/runtime';
import { z } from 'zod';

export interface Tickets {
  /** A ticket for the holder of an access token. Throws `service.unavailable` when the counters are out of reach. */
  issue(caller: Caller): Promise<string>;
  /**
   * Whom a ticket was issued to: once, before it is too old, and while the token that it was issued for still holds.
   * Throws `auth.token-invalid` or `auth.token-expired`.
   */
  redeem(ticket: string): Promise<Caller>;
}

export interface TicketsDeps {
  counters: Pick<Counters, 'put' | 'take'>;
  revocations: Pick<Revocations, 'has'>;
  clock: Clock;
}

const StoredCaller = z.strictObject({
  user: UserId,
  device: DeviceId,
  session: SessionId,
  expiresAt: z.int(),
});

/** 256 bits: nobody guesses one within its life. */
const TICKET_BYTES = 32;

/** Tickets that any node with the same counters can redeem. */
export function createTickets({ counters, revocations, clock }: TicketsDeps): Tickets {
  return {
    async issue({ user, device, session, expiresAt }) {
      const ticket = randomBytes(TICKET_BYTES).toString('base64url');
      const caller = JSON.stringify({ user, device, session, expiresAt });
      await counters.put(keyOf(ticket), caller, SOCKET_TICKET_SECONDS * 1000);
      return ticket;
    },
    async redeem(ticket) {
      const stored = await counters.take(keyOf(ticket));
      if (stored === undefined) throw new ApiError('auth.token-invalid');
      const caller = StoredCaller.parse(JSON.parse(stored));
      if (caller.expiresAt <= clock()) throw new ApiError('auth.token-expired');
      if (revocations.has(caller.session)) throw new ApiError('auth.token-invalid');
      // What comes through the socket is signed by nobody, and nothing there wants a recent log-in.
      return { ...caller, proven: false, authenticatedAt: 0 };
    },
  };
}

/** Whoever can read the counters cannot open a socket with what they see. */
function keyOf(ticket: string): string {
  return `socket-ticket:${createHash('sha256').update(ticket).digest('base64url')}`;
}
