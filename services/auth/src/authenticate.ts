/** Access tokens on this service's own routes: as every service checks them, and against the sessions themselves. */
import { type Authenticate, type Clock, createAuthenticate, type Fetch } from '@sotto/runtime';
import type { SessionDeps } from './sessions.ts';
import { useSession } from './token-uses.ts';
import { generationOf } from './tokens.ts';

export interface AuthenticateOptions {
  /** This service, for its own key set. */
  auth: Fetch;
  issuer: string;
  audience: string;
  clock: Clock;
}

/** Verifies a token, and that its session goes on, which other services hear with a delay. */
export function createOwnAuthenticate(
  deps: SessionDeps,
  options: AuthenticateOptions,
): Authenticate {
  const verify = createAuthenticate({ ...options, revocations: { has: () => false } });
  return async (token) => {
    const caller = await verify(token);
    await useSession(deps, { session: caller.session, generation: generationOf(token) });
    return caller;
  };
}
