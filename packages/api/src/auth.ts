/** Accounts, sessions and tokens. */
import * as z from 'zod/mini';
import { bytesOf } from './bytes.ts';
import { endpoint } from './endpoint.ts';
import { DeviceId, SessionId, Timestamp, UserId } from './ids.ts';
import { PASSWORD_LENGTH_MAX } from './limits.ts';

/** As a caller gives it: the service checks the rules, so that a problem can name the one that was broken. */
export const Password = z.string().check(
  z.minLength(1),
  z.maxLength(PASSWORD_LENGTH_MAX),
  z.meta({
    description:
      'A new one: 8 characters or more with an upper-case and a lower-case letter, a digit and a special character, or 15 of any kind; none that is tried first',
    examples: ['a rather long passphrase'],
  }),
);

/** As a caller gives it: the service checks the rules, so that a problem can name the one that was broken. */
export const GivenUsername = z.string().check(
  z.maxLength(256),
  z.meta({
    description: 'Of an account: 3 to 50 letters A to Z and digits, unique without case',
    examples: ['Alice'],
  }),
);

/** A pair of tokens, with the seconds that each is good for. */
export const Tokens = z.object({
  accessToken: z.string(),
  accessExpiresIn: z.int(),
  refreshToken: z.string(),
  refreshExpiresIn: z.int(),
});
export type Tokens = z.infer<typeof Tokens>;

/** What a log-in gives: who one is, on which device, and tokens. */
export const Login = z.extend(Tokens, {
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
  access: 'anyone',
  body: z.strictObject({
    username: GivenUsername,
    password: Password,
    /** Needed where registration is by invitation. */
    invite: z.optional(z.string().check(z.minLength(1), z.maxLength(128))),
    /** For the operator to reach the account's owner; kept encrypted, shown to nobody else. */
    email: z.optional(
      z.email().check(z.maxLength(254), z.meta({ examples: ['alice@example.org'] })),
    ),
  }),
  status: 201,
  /** The recovery code is shown once: it sets a new password when the old one is forgotten. */
  response: z.extend(Login, { recoveryCode: z.string() }),
  problems: [
    'auth.username-taken',
    'auth.username-rule',
    'auth.password-rule',
    'auth.registration-closed',
    'auth.invite-wrong',
    'auth.proof-invalid',
    'auth.proof-nonce',
    'auth.busy',
  ],
});

export const login = endpoint({
  id: 'login',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/login',
  access: 'anyone',
  body: z.strictObject({
    username: GivenUsername,
    password: Password,
    /** The device that logs in again; left out, a new device is made. */
    device: z.optional(DeviceId),
  }),
  status: 200,
  response: Login,
  problems: [
    'auth.credentials-wrong',
    'auth.account-disabled',
    'auth.device-unknown',
    'auth.device-limit',
    'auth.proof-missing',
    'auth.proof-invalid',
    'auth.proof-nonce',
    'auth.busy',
  ],
});

export const openChallenge = endpoint({
  id: 'openChallenge',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/challenge',
  access: 'anyone',
  body: z.strictObject({ device: DeviceId }),
  status: 200,
  response: z.object({ challenge: bytesOf(32), expiresIn: z.int() }),
  problems: [],
});

export const loginByDevice = endpoint({
  id: 'loginByDevice',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/login/device',
  access: 'anyone',
  body: z.strictObject({
    device: DeviceId,
    challenge: bytesOf(32),
    /** By the device key, over the label `sotto/v1/sign/login-challenge`, a zero byte, the device id's 16 bytes and the challenge. */
    signature: bytesOf(64),
  }),
  status: 200,
  response: Login,
  problems: [
    'auth.challenge-wrong',
    'auth.device-unknown',
    'auth.account-disabled',
    'auth.proof-missing',
    'auth.proof-invalid',
    'auth.proof-nonce',
  ],
});

export const refresh = endpoint({
  id: 'refresh',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/refresh',
  access: 'anyone',
  proof: 'when-bound',
  body: z.strictObject({ refreshToken: z.string().check(z.minLength(1), z.maxLength(512)) }),
  status: 200,
  response: Tokens,
  problems: ['auth.refresh-invalid'],
});

export const logout = endpoint({
  id: 'logout',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/logout',
  access: 'user',
  status: 204,
  problems: [],
});

export const logoutEverywhere = endpoint({
  id: 'logoutEverywhere',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/logout-everywhere',
  access: 'user',
  proof: 'when-bound',
  status: 204,
  problems: [],
});

/** One session of the caller's account. */
export const Session = z.object({
  session: SessionId,
  device: DeviceId,
  createdAt: Timestamp,
  /** When its tokens were last renewed, or it was opened. */
  renewedAt: Timestamp,
  /** Whether it is bound to its device's key. */
  bound: z.boolean(),
  current: z.boolean(),
});
export type Session = z.infer<typeof Session>;

export const listSessions = endpoint({
  id: 'listSessions',
  service: 'auth',
  method: 'GET',
  path: '/api/v1/auth/sessions',
  access: 'user',
  status: 200,
  response: z.object({ sessions: z.array(Session) }),
  problems: [],
});

export const endSession = endpoint({
  id: 'endSession',
  service: 'auth',
  method: 'DELETE',
  path: '/api/v1/auth/sessions/{session_id}',
  access: 'user',
  proof: 'when-bound',
  params: z.strictObject({ session_id: SessionId }),
  status: 204,
  problems: ['auth.session-unknown'],
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
  access: 'anyone',
  status: 200,
  response: z.object({ keys: z.array(PublicJwk) }),
  problems: [],
});

export const authEndpoints = [
  register,
  login,
  openChallenge,
  loginByDevice,
  refresh,
  logout,
  logoutEverywhere,
  listSessions,
  endSession,
  jwks,
] as const;
