/** An account itself: its password, what is held of it, and its end. */
import * as z from 'zod/mini';
import { GivenUsername, Login, Password } from './auth.ts';
import { endpoint } from './endpoint.ts';
import { DeviceId, SessionId, Timestamp, UserId, Username } from './ids.ts';

/** Letters, digits and dashes, as shown once to its owner; compared without case and dashes. */
const RecoveryCode = z.string().check(z.minLength(1), z.maxLength(128));

/** Whatever JSON can say. Not `z.json()`, whose schema refers to itself, which inside a document has no place. */
const AnyJson = z.custom<z.core.util.JSONType>();

export const changePassword = endpoint({
  id: 'changePassword',
  service: 'auth',
  method: 'POST',
  path: '/api/v1/auth/password',
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
  access: 'anyone',
  body: z.strictObject({
    username: GivenUsername,
    recoveryCode: RecoveryCode,
    newPassword: Password,
    /** The device to log in, whose key signs; left out, the one that has the key, or a new one. */
    device: z.optional(DeviceId),
  }),
  status: 200,
  response: z.extend(Login, { recoveryCode: z.string() }),
  problems: [
    'auth.recovery-wrong',
    'auth.account-disabled',
    'auth.password-rule',
    'auth.device-unknown',
    'auth.device-limit',
    'auth.proof-missing',
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
  access: 'user',
  status: 200,
  response: z.object({
    user: UserId,
    username: Username,
    device: DeviceId,
    session: SessionId,
    createdAt: Timestamp,
    email: z.optional(z.string()),
  }),
  problems: [],
});

export const accountEndpoints = [
  changePassword,
  renewRecoveryCode,
  recover,
  deleteAccount,
  exportAccount,
  me,
] as const;
