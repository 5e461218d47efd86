/** Every failure that the platform reports: one closed table of stable codes (RFC 9457). */
import * as z from 'zod/mini';

interface ProblemRow {
  status: number;
  title: string;
}

/** Code to HTTP status and title. Codes are only ever added: clients switch over them. */
export const PROBLEMS = {
  'request.invalid': { status: 400, title: 'The request is not valid' },
  'request.malformed': { status: 400, title: 'The body is not well-formed' },
  'request.too-large': { status: 413, title: 'The body is too large' },
  'request.media-type': { status: 415, title: 'The body has the wrong media type' },
  'request.timeout': { status: 408, title: 'The body arrived too slowly' },
  'request.range': { status: 416, title: 'The range lies outside the file' },
  'request.origin': { status: 403, title: 'Pages of this origin may not connect' },
  'route.not-found': { status: 404, title: 'There is nothing at this path' },
  'route.method-not-allowed': { status: 405, title: 'This path does not take this method' },
  'rate.limited': { status: 429, title: 'Too many requests' },
  'auth.token-missing': { status: 401, title: 'An access token is needed' },
  'auth.token-invalid': { status: 401, title: 'The access token is not valid' },
  'auth.token-expired': { status: 401, title: 'The access token has expired' },
  'auth.credentials-wrong': { status: 401, title: 'The username or the password is wrong' },
  'auth.refresh-invalid': { status: 401, title: 'The refresh token is not valid' },
  'auth.proof-missing': { status: 401, title: 'The request must be signed by the device key' },
  'auth.proof-invalid': { status: 401, title: 'The proof of the device key is not valid' },
  'auth.proof-nonce': {
    status: 401,
    title: 'The proof needs the nonce that comes with this answer',
  },
  'auth.challenge-wrong': { status: 401, title: 'The challenge or its signature is wrong' },
  'auth.recovery-wrong': { status: 401, title: 'The username or the recovery code is wrong' },
  'auth.fresh-needed': { status: 403, title: 'Log in with the password again to do this' },
  'auth.session-unknown': { status: 404, title: 'There is no such session' },
  'auth.device-key-missing': { status: 409, title: 'This device has no device key' },
  'auth.invite-wrong': { status: 403, title: 'The invitation is not valid, or used up' },
  'auth.username-taken': { status: 409, title: 'The username is taken' },
  'auth.username-rule': { status: 422, title: 'The username breaks the username rule' },
  'auth.password-rule': { status: 422, title: 'The password breaks the password rule' },
  'auth.device-limit': { status: 409, title: 'The account has all the devices it may have' },
  'auth.device-unknown': { status: 409, title: 'This is no device of the account' },
  'auth.busy': { status: 503, title: 'Too many passwords wait to be checked; try again later' },
  'auth.account-disabled': { status: 403, title: 'The operator has locked this account' },
  'auth.registration-closed': { status: 403, title: 'Registration is closed' },
  'key.identity-unknown': { status: 404, title: 'This user has published no identity key' },
  'key.identity-exists': { status: 409, title: 'Another identity key is published already' },
  'key.identity-missing': { status: 409, title: 'Publish the identity key first' },
  'key.key-invalid': { status: 422, title: 'A public key is not acceptable' },
  'key.signature-invalid': { status: 422, title: 'A signature does not verify' },
  'key.id-conflict': { status: 409, title: 'This key id was used for another key' },
  'key.too-many': { status: 409, title: 'The device has as many one-time prekeys as it may store' },
  'key.list-invalid': { status: 422, title: 'The device list is not acceptable' },
  'key.list-conflict': { status: 409, title: 'The device list does not follow on the newest one' },
  'key.list-unknown': { status: 404, title: 'This user has published no device list' },
  'key.view-differs': { status: 409, title: 'The platform holds other keys of this device' },
  'key.log-unknown': { status: 404, title: 'The key log has no such entry' },
  'key.witness-unknown': { status: 403, title: 'This witness is not known here' },
  'key.channel-unknown': { status: 404, title: 'Nothing has come through this channel' },
  'key.channel-taken': { status: 409, title: 'Something else came through this channel already' },
  'conversation.not-found': { status: 404, title: 'There is no such conversation' },
  'conversation.member-unknown': { status: 422, title: 'A member is not a user of this platform' },
  'conversation.exists': { status: 409, title: 'Another conversation has this id' },
  'conversation.version-conflict': {
    status: 409,
    title: 'The entry does not follow on the newest one',
  },
  'conversation.entry-invalid': { status: 422, title: 'The membership entry is not acceptable' },
  'conversation.entry-refused': {
    status: 403,
    title: 'Its author may not make this membership entry',
  },
  'user.not-found': { status: 404, title: 'There is no such user' },
  'user.directory-off': { status: 403, title: 'This platform has no user directory' },
  'user.block-limit': { status: 409, title: 'As many users are blocked as may be' },
  'push.off': { status: 404, title: 'This platform wakes no devices' },
  'push.endpoint-refused': { status: 422, title: 'This is no push service that may be used here' },
  'message.not-found': { status: 404, title: 'There is no such message' },
  'message.id-conflict': { status: 409, title: 'This message id was used for other content' },
  'message.too-old': {
    status: 409,
    title: 'The message id is from before the platform remembers any',
  },
  'message.devices-stale': {
    status: 409,
    title: 'The message is not encrypted for the current devices',
  },
  'message.group-stale': {
    status: 409,
    title: 'The message is not encrypted for the current members and devices',
  },
  'message.after-refused': {
    status: 409,
    title: 'An earlier message of this conversation was refused',
  },
  'message.busy': { status: 503, title: 'The service is full; send again later' },
  'file.not-found': { status: 404, title: 'There is no such file' },
  'file.grant-limit': {
    status: 409,
    title: 'The file is shared in as many conversations as it may be',
  },
  'file.quota': { status: 507, title: 'The storage quota is used up' },
  'file.daily-limit': { status: 429, title: 'The bytes that may be uploaded in a day are used up' },
  'upload.version': { status: 412, title: 'Only version 1.0.0 of the tus protocol is spoken here' },
  'upload.offset-conflict': { status: 409, title: 'The upload stands at another offset' },
  'upload.locked': { status: 423, title: 'Another request brings bytes to this upload' },
  'upload.checksum-mismatch': { status: 460, title: 'The bytes are not those of the checksum' },
  'upload.expired': { status: 410, title: 'The upload was not finished in time' },
  'service.unavailable': { status: 503, title: 'A part of the platform does not answer' },
  internal: { status: 500, title: 'Something failed inside the platform' },
} as const satisfies Record<string, ProblemRow>;

export type ProblemCode = keyof typeof PROBLEMS;

const codes = Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]];

/** Names the code beside the body, which answers to HEAD requests have none of. */
export const PROBLEM_CODE_HEADER = 'problem-code';

/** What the sender must add and leave out, for `message.devices-stale`. */
export const DeviceDifference = z.object({
  missing: z.array(z.object({ user: z.string(), device: z.string() })),
  unknown: z.array(z.string()),
});
export type DeviceDifference = z.infer<typeof DeviceDifference>;

/** What a group message must be keyed for, for `message.group-stale`. */
export const GroupAudience = z.object({
  /** Of the membership log. */
  version: z.int(),
  /** The newest device list of each member; version 0 for one who has published none. */
  lists: z.array(z.object({ user: z.string(), version: z.int() })),
});
export type GroupAudience = z.infer<typeof GroupAudience>;

/** Where the message stands that an id was used for, for `message.id-conflict`. */
export const PlaceOfId = z.object({
  conversation: z.string(),
  seq: z.int(),
  sentAt: z.string(),
});
export type PlaceOfId = z.infer<typeof PlaceOfId>;

/** The body of every failed answer, `application/problem+json`. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(codes),
  detail: z.optional(z.string()),
  /** The request id, to quote to an operator. */
  instance: z.optional(z.string()),
  /** Paths of the fields that are wrong; never their values. */
  fields: z.optional(z.array(z.string())),
  /** When it is worth trying again, in seconds. */
  retryAfter: z.optional(z.int()),
  devices: z.optional(DeviceDifference),
  audience: z.optional(GroupAudience),
  /** The newest version, for `conversation.version-conflict`. */
  version: z.optional(z.int()),
  /** What may still be uploaded, for `file.quota` and `file.daily-limit`. */
  bytesLeft: z.optional(z.int()),
  stored: z.optional(PlaceOfId),
});
export type Problem = z.infer<typeof Problem>;

export interface ApiErrorOptions {
  /** One sentence for a developer; free of secrets and of anything that identifies a person. */
  detail?: string;
  cause?: unknown;
  fields?: string[];
  retryAfter?: number;
  devices?: DeviceDifference;
  audience?: GroupAudience;
  version?: number;
  bytesLeft?: number;
  stored?: PlaceOfId;
}

/** The only error that a service throws on purpose, and that the SDK rebuilds from an answer. */
export class ApiError extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly options: ApiErrorOptions;

  constructor(code: ProblemCode, options: ApiErrorOptions = {}) {
    super(options.detail ?? PROBLEMS[code].title.toLowerCase(), { cause: options.cause });
    this.name = 'ApiError';
    this.code = code;
    this.status = PROBLEMS[code].status;
    this.options = options;
  }
}

/** The body for an error. `instance` is the request id. */
export function toProblem(error: ApiError, instance?: string): Problem {
  const { detail, fields, retryAfter, devices, audience, version, bytesLeft, stored } =
    error.options;
  return {
    type: `urn:sotto:problem:${error.code}`,
    title: PROBLEMS[error.code].title,
    status: error.status,
    code: error.code,
    ...(detail !== undefined && { detail }),
    ...(instance !== undefined && { instance }),
    ...(fields !== undefined && { fields }),
    ...(retryAfter !== undefined && { retryAfter }),
    ...(devices !== undefined && { devices }),
    ...(audience !== undefined && { audience }),
    ...(version !== undefined && { version }),
    ...(bytesLeft !== undefined && { bytesLeft }),
    ...(stored !== undefined && { stored }),
  };
}

/** The error for a received body, or undefined when the body is no problem of this platform. */
export function fromProblem(body: unknown): ApiError | undefined {
  const parsed = Problem.safeParse(body);
  if (!parsed.success) return undefined;
  const { code, detail, fields, retryAfter, devices, audience, version, bytesLeft, stored } =
    parsed.data;
  return new ApiError(code, {
    ...(detail !== undefined && { detail }),
    ...(fields !== undefined && { fields }),
    ...(retryAfter !== undefined && { retryAfter }),
    ...(devices !== undefined && { devices }),
    ...(audience !== undefined && { audience }),
    ...(version !== undefined && { version }),
    ...(bytesLeft !== undefined && { bytesLeft }),
    ...(stored !== undefined && { stored }),
  });
}

/** The error for an answer to a HEAD request, or undefined when it tells of no problem of this platform. */
export function fromProblemHeaders(headers: Headers): ApiError | undefined {
  const code = codes.find((one) => one === headers.get(PROBLEM_CODE_HEADER));
  if (code === undefined) return undefined;
  const retryAfter = headers.get('retry-after');
  return new ApiError(code, { ...(retryAfter !== null && { retryAfter: Number(retryAfter) }) });
}
