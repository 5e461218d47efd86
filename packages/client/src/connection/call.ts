/** Operations as the logged-in user: a token is added, and renewed once when the platform refuses it. */
import type { Answer, EndpointSpec } from '@sotto/api';
import type { AccessToken, Tokens } from '../account/tokens.ts';
import { isProblem } from '../errors.ts';
import type { CallOptions, Exchange, Input } from './http.ts';

/** Runs one operation that needs a log-in. Throws as the exchange and the tokens do. */
export type Call = <E extends EndpointSpec>(
  endpoint: E,
  input: Input<E>,
  options?: CallOptions,
) => Promise<Answer<E>>;

/** Joins an exchange and the tokens of an account. A session that is bound to the device key signs what changes it. */
export function createCall(exchange: Exchange, tokens: Tokens): Call {
  return async (endpoint, input, options) => {
    const run = ({ token, bound }: AccessToken) => {
      const signed = bound && endpoint.proof === 'when-bound';
      return exchange(endpoint, input, { ...options, token, signed });
    };
    const access = await tokens.access();
    try {
      return await run(access);
    } catch (error) {
      if (!isProblem(error, 'auth.token-expired', 'auth.token-invalid')) throw error;
      return run(await tokens.renew(access.token));
    }
  };
}
