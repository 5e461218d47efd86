/** Accounts, sessions and tokens. */
import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { DeviceId, SessionId, Timestamp, UserId, Username } from './ids.ts';
import { PASSWORD_LENGTH_MAX } from './limits.ts';

const Password = z.string().min(1).max(PASSWORD_LENGTH_MAX);

/** A pair of tokens, with the seconds that each is good for. */
export const Tokens = z.object({
  accessToken: z.string(),
  accessExpiresIn: z.int(),
  refreshToken: z.string(),
  refreshExpiresIn: z.int(),
});
export type Tokens = z.infer<typeof Tokens>;

/** What a log-in gives: who one is, on which device, and tokens. */
export const Login = Tokens.extend({
  user: UserId,
  device: DeviceId,
  session: SessionId,
  username: z.string(),
});
export type Login = z.infer<typeof Login>;

export const register = endpoint({
  id: 'register',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/register',
  summary: 'Make an account with its first device, and log in',
  access: 'anyone',
  /** The username and password rules are checked by the service, so that a problem can name the rule. */
  body: z.strictObject({ username: z.string().max(256), password: Password }),
  status: 201,
  response: Login,
  problems: [
    'auth.username-taken',
    'auth.username-rule',
    'auth.password-rule',
    'auth.registration-closed',
    'auth.busy',
  ],
});

export const login = endpoint({
  id: 'login',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/login',
  summary: 'Log in with a password, on a device of the account or on a new one',
  access: 'anyone',
  body: z.strictObject({
    username: z.string().max(256),
    password: Password,
    /** The device that logs in again; left out, a new device is made. */
    device: DeviceId.optional(),
  }),
  status: 200,
  response: Login,
  problems: ['auth.credentials-wrong', 'auth.device-unknown', 'auth.device-limit', 'auth.busy'],
});

export const refresh = endpoint({
  id: 'refresh',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/refresh',
  summary: 'Exchange a refresh token for its successor and a new access token',
  access: 'anyone',
  body: z.strictObject({ refreshToken: z.string().min(1).max(512) }),
  status: 200,
  response: Tokens,
  problems: ['auth.refresh-invalid'],
});

export const logout = endpoint({
  id: 'logout',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/logout',
  summary: 'End this session; its tokens stop working',
  access: 'user',
  status: 204,
  problems: [],
});

export const me = endpoint({
  id: 'me',
  service: 'auth',
  method: 'GET',
  path: '/api/v1/auth/me',
  summary: 'Who the access token belongs to',
  access: 'user',
  status: 200,
  response: z.object({
    user: UserId,
    username: Username,
    device: DeviceId,
    session: SessionId,
    createdAt: Timestamp,
  }),
  problems: [],
});

/** One Ed25519 public key as a JSON Web Key (RFC 8037). */
export const PublicJwk = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  kid: z.string(),
  alg: z.literal('EdDSA'),
  use: z.literal('sig'),
});
export type PublicJwk = z.infer<typeof PublicJwk>;

export const jwks = endpoint({
  id: 'jwks',
  service: 'auth',
  method: 'GET',
  path: '/.well-known/jwks.json',
  summary: 'The public keys that access tokens verify with',
  access: 'anyone',
  status: 200,
  response: z.object({ keys: z.array(PublicJwk) }),
  problems: [],
});

export const authEndpoints = [register, login, refresh, logout, me, jwks] as const;
