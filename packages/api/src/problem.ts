/** Every failure that the platform reports: one closed table of stable codes (RFC 9457). */
import * as z from 'zod/mini';

/** Code to HTTP status. Codes are only ever added: clients switch over them. Their titles are in `problem-body.ts`. */
export const PROBLEMS = {
  'request.invalid': { status: 400 },
  'request.malformed': { status: 400 },
  'request.too-large': { status: 413 },
  'request.media-type': { status: 415 },
  'request.timeout': { status: 408 },
  'request.range': { status: 416 },
  'request.origin': { status: 403 },
  'route.not-found': { status: 404 },
  'route.method-not-allowed': { status: 405 },
  'rate.limited': { status: 429 },
  'auth.token-missing': { status: 401 },
  'auth.token-invalid': { status: 401 },
  'auth.token-expired': { status: 401 },
  'auth.credentials-wrong': { status: 401 },
  'auth.refresh-invalid': { status: 401 },
  'auth.proof-missing': { status: 401 },
  'auth.proof-invalid': { status: 401 },
  'auth.proof-nonce': { status: 401 },
  'auth.challenge-wrong': { status: 401 },
  'auth.recovery-wrong': { status: 401 },
  'auth.fresh-needed': { status: 403 },
  'auth.session-unknown': { status: 404 },
  'auth.device-key-missing': { status: 409 },
  'auth.invite-wrong': { status: 403 },
  'auth.username-taken': { status: 409 },
  'auth.username-rule': { status: 422 },
  'auth.password-rule': { status: 422 },
  'auth.device-limit': { status: 409 },
  'auth.device-unknown': { status: 409 },
  'auth.busy': { status: 503 },
  'auth.account-disabled': { status: 403 },
  'auth.registration-closed': { status: 403 },
  'key.identity-unknown': { status: 404 },
  'key.identity-exists': { status: 409 },
  'key.identity-missing': { status: 409 },
  'key.key-invalid': { status: 422 },
  'key.signature-invalid': { status: 422 },
  'key.id-conflict': { status: 409 },
  'key.too-many': { status: 409 },
  'key.list-invalid': { status: 422 },
  'key.list-conflict': { status: 409 },
  'key.list-unknown': { status: 404 },
  'key.view-differs': { status: 409 },
  'key.log-unknown': { status: 404 },
  'key.witness-unknown': { status: 403 },
  'key.channel-unknown': { status: 404 },
  'key.channel-taken': { status: 409 },
  'conversation.not-found': { status: 404 },
  'conversation.member-unknown': { status: 422 },
  'conversation.exists': { status: 409 },
  'conversation.version-conflict': { status: 409 },
  'conversation.entry-invalid': { status: 422 },
  'conversation.entry-refused': { status: 403 },
  'user.not-found': { status: 404 },
  'user.directory-off': { status: 403 },
  'user.block-limit': { status: 409 },
  'push.off': { status: 404 },
  'push.endpoint-refused': { status: 422 },
  'message.not-found': { status: 404 },
  'message.id-conflict': { status: 409 },
  'message.too-old': { status: 409 },
  'message.devices-stale': { status: 409 },
  'message.group-stale': { status: 409 },
  'message.after-refused': { status: 409 },
  'message.busy': { status: 503 },
  'file.not-found': { status: 404 },
  'file.grant-limit': { status: 409 },
  'file.quota': { status: 507 },
  'file.daily-limit': { status: 429 },
  'upload.version': { status: 412 },
  'upload.offset-conflict': { status: 409 },
  'upload.locked': { status: 423 },
  'upload.checksum-mismatch': { status: 460 },
  'upload.expired': { status: 410 },
  'service.unavailable': { status: 503 },
  internal: { status: 500 },
} as const satisfies Record<string, { status: number }>;

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

/** What a problem tells besides its code; `detail` is one sentence for a developer, free of secrets and of whoever it is about. */
export interface ApiErrorOptions
  extends Omit<Problem, 'type' | 'title' | 'status' | 'code' | 'instance'> {
  cause?: unknown;
}

/** The only error that a service throws on purpose, and that the SDK rebuilds from an answer. */
export class ApiError extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly options: ApiErrorOptions;

  constructor(code: ProblemCode, options: ApiErrorOptions = {}) {
    super(options.detail ?? sentenceOf(code, options), { cause: options.cause });
    this.name = 'ApiError';
    this.code = code;
    this.status = PROBLEMS[code].status;
    this.options = options;
  }
}

/** For whoever reads a log: `request invalid: with`, `rate limited, for 53 s`. */
function sentenceOf(code: ProblemCode, { fields, retryAfter }: ApiErrorOptions): string {
  const words = code.replaceAll(/[.-]/g, ' ');
  if (retryAfter !== undefined) return `${words}, for ${retryAfter} s`;
  return fields === undefined ? words : `${words}: ${fields.join(', ')}`;
}

/** The error for a received body, or undefined when the body is no problem of this platform. */
export function fromProblem(body: unknown): ApiError | undefined {
  const parsed = Problem.safeParse(body);
  if (!parsed.success) return undefined;
  const { type, title, status, code, instance, ...options } = parsed.data;
  return new ApiError(code, options);
}

/** The error for an answer to a HEAD request, or undefined when it tells of no problem of this platform. */
export function fromProblemHeaders(headers: Headers): ApiError | undefined {
  const code = codes.find((one) => one === headers.get(PROBLEM_CODE_HEADER));
  if (code === undefined) return undefined;
  const retryAfter = headers.get('retry-after');
  const seconds = Number(retryAfter ?? Number.NaN);
  return new ApiError(code, { ...(Number.isSafeInteger(seconds) && { retryAfter: seconds }) });
}
