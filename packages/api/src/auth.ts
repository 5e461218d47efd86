/** Accounts, sessions and tokens. */
import { z } from 'zod';
import { bytes, bytesOf } from './bytes.ts';
import { endpoint } from './endpoint.ts';
import { DeviceId, SessionId, Timestamp, UserId, Username } from './ids.ts';
import { DEVICE_NAME_BYTES_MAX, PASSWORD_LENGTH_MAX } from './limits.ts';

const Password = z.string().min(1).max(PASSWORD_LENGTH_MAX);

/** As a caller gives it: the service checks the rules, so that a problem can name the one that was broken. */
const GivenUsername = z.string().max(256);

/** Letters, digits and dashes, as shown once to its owner; compared without case and dashes. */
const RecoveryCode = z.string().min(1).max(128);

/** Whatever JSON can say. Not `z.json()`, whose schema refers to itself, which inside a document has no place. */
const AnyJson = z.custom<z.core.util.JSONType>();

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
  summary:
    'Make an account with its first device, and log in; a request proof (DPoP) binds the session and names the device key',
  access: 'anyone',
  body: z.strictObject({
    username: GivenUsername,
    password: Password,
    /** Needed where registration is by invitation. */
    invite: z.string().min(1).max(128).optional(),
    /** For the operator to reach the account's owner; kept encrypted, shown to nobody else. */
    email: z.email().max(254).optional(),
  }),
  status: 201,
  /** The recovery code is shown once: it sets a new password when the old one is forgotten. */
  response: Login.extend({ recoveryCode: z.string() }),
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
  summary:
    'Log in with a password, on a device of the account or on a new one; a request proof (DPoP) binds the session',
  access: 'anyone',
  body: z.strictObject({
    username: GivenUsername,
    password: Password,
    /** The device that logs in again; left out, a new device is made. */
    device: DeviceId.optional(),
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
  summary:
    'A challenge for a device key to sign: used once, within a minute; given for unknown devices too',
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
  summary: 'Log in with a signed challenge instead of a password',
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
    'auth.proof-invalid',
    'auth.proof-nonce',
  ],
});

export const refresh = endpoint({
  id: 'refresh',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/refresh',
  summary:
    'Exchange a refresh token for its successor and a new access token; a bound session signs the request',
  access: 'anyone',
  proof: 'when-bound',
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

export const logoutEverywhere = endpoint({
  id: 'logoutEverywhere',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/logout-everywhere',
  summary: 'End all sessions of the account, this one too',
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
  summary: "The account's sessions that have not ended, the newest first",
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
  summary: 'End one session of the account; repeating it changes nothing',
  access: 'user',
  proof: 'when-bound',
  params: z.strictObject({ session_id: SessionId }),
  status: 204,
  problems: ['auth.session-unknown'],
});

/** A device's name, encrypted under a key of the account that the platform does not have. */
const DeviceName = bytes({ min: 1, max: DEVICE_NAME_BYTES_MAX });

/** One device of the caller's account. */
export const AccountDevice = z.object({
  device: DeviceId,
  name: DeviceName.optional(),
  /** Ed25519, 32 bytes; absent when the device has never signed. */
  deviceKey: bytesOf(32).optional(),
  createdAt: Timestamp,
  loggedInAt: Timestamp,
  current: z.boolean(),
});
export type AccountDevice = z.infer<typeof AccountDevice>;

export const listDevices = endpoint({
  id: 'listDevices',
  service: 'auth',
  method: 'GET',
  path: '/api/v1/auth/devices',
  summary: "The account's devices",
  access: 'user',
  status: 200,
  response: z.object({ devices: z.array(AccountDevice) }),
  problems: [],
});

export const addDevice = endpoint({
  id: 'addDevice',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/devices',
  summary:
    'Make a device of this account for a device key, which then logs in by challenge; the same key gives the same device',
  access: 'user',
  proof: 'when-bound',
  body: z.strictObject({ deviceKey: bytesOf(32), name: DeviceName.optional() }),
  status: 201,
  response: z.object({ device: DeviceId }),
  problems: ['auth.device-limit', 'key.key-invalid'],
});

const deviceParams = z.strictObject({ device_id: DeviceId });

export const renameDevice = endpoint({
  id: 'renameDevice',
  service: 'auth',
  method: 'PATCH',
  path: '/api/v1/auth/devices/{device_id}',
  summary: 'Give a device another name, encrypted by the caller',
  access: 'user',
  proof: 'when-bound',
  params: deviceParams,
  body: z.strictObject({ name: DeviceName }),
  status: 204,
  problems: ['auth.device-unknown'],
});

export const revokeDevice = endpoint({
  id: 'revokeDevice',
  service: 'auth',
  method: 'DELETE',
  path: '/api/v1/auth/devices/{device_id}',
  summary:
    'Unlink a device: its sessions end, its keys and its queue go; repeating it changes nothing',
  access: 'user',
  proof: 'when-bound',
  params: deviceParams,
  status: 204,
  problems: ['auth.device-unknown'],
});

export const changePassword = endpoint({
  id: 'changePassword',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/password',
  summary: 'Change the password; all other sessions end',
  access: 'user',
  proof: 'when-bound',
  body: z.strictObject({ currentPassword: Password, newPassword: Password }),
  status: 204,
  problems: ['auth.credentials-wrong', 'auth.password-rule', 'auth.busy'],
});

export const renewRecoveryCode = endpoint({
  id: 'renewRecoveryCode',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/recovery-code',
  summary: 'A new recovery code, shown once; the old one stops working',
  access: 'user',
  proof: 'when-bound',
  body: z.strictObject({ password: Password }),
  status: 200,
  response: z.object({ recoveryCode: z.string() }),
  problems: ['auth.credentials-wrong', 'auth.busy'],
});

export const recover = endpoint({
  id: 'recover',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/recover',
  summary:
    'Set a new password with the recovery code: all sessions end, a new device is logged in, a new code is shown',
  access: 'anyone',
  body: z.strictObject({
    username: GivenUsername,
    recoveryCode: RecoveryCode,
    newPassword: Password,
  }),
  status: 200,
  response: Login.extend({ recoveryCode: z.string() }),
  problems: [
    'auth.recovery-wrong',
    'auth.account-disabled',
    'auth.password-rule',
    'auth.device-limit',
    'auth.proof-invalid',
    'auth.proof-nonce',
    'auth.busy',
  ],
});

export const deleteAccount = endpoint({
  id: 'deleteAccount',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/account/delete',
  summary:
    'Delete the account: it cannot be used from now on, and all that is held of it goes within a day',
  access: 'user',
  proof: 'when-bound',
  body: z.strictObject({ password: Password }),
  status: 204,
  problems: ['auth.credentials-wrong', 'auth.busy'],
});

export const exportAccount = endpoint({
  id: 'exportAccount',
  service: 'auth',
  method: 'GET',
  path: '/api/v1/auth/export',
  summary: 'Everything that the platform holds about the caller, by service and table',
  access: 'user',
  proof: 'when-bound',
  status: 200,
  response: z.object({
    user: UserId,
    exportedAt: Timestamp,
    /** Service to table to rows. What is encrypted for the caller's devices is counted, not repeated. */
    services: z.record(z.string(), z.record(z.string(), z.array(AnyJson))),
  }),
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
    email: z.string().optional(),
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
  listDevices,
  addDevice,
  renameDevice,
  revokeDevice,
  changePassword,
  renewRecoveryCode,
  recover,
  deleteAccount,
  exportAccount,
  me,
  jwks,
] as const;
