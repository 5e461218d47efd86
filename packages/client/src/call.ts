/** Operations as the logged-in user: a token is added, and renewed once when the platform refuses it. */
import { type Answer, ApiError, type EndpointSpec } from '@sotto/api';
import type { Exchange, Input } from './http.ts';
import type { Tokens } from './tokens.ts';

/** Runs one operation that needs a log-in. Throws as the exchange and the tokens do. */
export type Call = <E extends EndpointSpec>(endpoint: E, input: Input<E>) => Promise<Answer<E>>;

/** Joins an exchange and the tokens of an account. */
export function createCall(exchange: Exchange, tokens: Tokens): Call {
  return async (endpoint, input) => {
    const token = await tokens.access();
    try {
      return await exchange(endpoint, input, token);
    } catch (error) {
      // A stream is spent by now; `access` renews early enough that this hardly ever concerns one.
      if (!isTokenRefused(error) || hasStream(input)) throw error;
      return exchange(endpoint, input, await tokens.renew(token));
    }
  };
}

function isTokenRefused(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.code === 'auth.token-expired' || error.code === 'auth.token-invalid';
}

function hasStream(input: unknown): boolean {
  return (input as { body?: unknown }).body instanceof ReadableStream;
}
