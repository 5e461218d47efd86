/** Any failure as the answer that tells of it (RFC 9457), and nothing more than the contract says. */
import {
  ApiError,
  type ApiErrorOptions,
  PROBLEM_CODE_HEADER,
  PROBLEMS,
  type ProblemCode,
  toProblem,
} from '@sotto/api';
import { z } from 'zod';

/** An ApiError whose answer carries headers of its own, as 405 has Allow and 416 has Content-Range. */
export class ProblemWithHeaders extends ApiError {
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    headers: Readonly<Record<string, string>>,
    options: ApiErrorOptions = {},
  ) {
    super(code, options);
    this.headers = headers;
  }
}

/**
 * Codes of system calls, and SQLSTATEs, that say a part of the platform is out of reach or overloaded just now, or that a
 * transaction met another one and would succeed the next time (40001, 40P01).
 */
const UNAVAILABLE =
  /^(ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|08\w{3}|57P0[1-3]|57014|55P03|53300|40001|40P01)$/;

/** The ApiError for anything that was thrown. `internal` means a bug: log it, with the original as its cause. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof z.core.$ZodError) return invalidRequest(error.issues);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && UNAVAILABLE.test(code)) {
    return new ApiError('service.unavailable', { cause: error, retryAfter: 1 });
  }
  return new ApiError('internal', { cause: error });
}

/** `request.invalid` with the paths of the fields that are wrong, never their values. */
export function invalidRequest(issues: readonly z.core.$ZodIssue[]): ApiError {
  const fields = new Set(issues.flatMap(issuePaths));
  return new ApiError('request.invalid', { fields: [...fields].slice(0, FIELDS_MAX) });
}

/** A body of a thousand wrong fields does not need a thousand names to be understood. */
const FIELDS_MAX = 20;

/** Names and depth are the sender's: an answer is not to grow with them. No field of ours has a path this long. */
const FIELD_PATH_LENGTH_MAX = 200;

/** An unknown field is named by the sender; a name that is no identifier is not repeated. */
const FIELD_NAME = /^\w{1,64}$/;

function issuePaths(issue: z.core.$ZodIssue): string[] {
  if (issue.code !== 'unrecognized_keys') return [fieldPath(issue.path)];
  return issue.keys.slice(0, FIELDS_MAX).map((key) => fieldPath([...issue.path, key]));
}

/** A field's path as it may be told: what is no identifier was made up by the sender. */
export function fieldPath(path: readonly PropertyKey[]): string {
  const names = path.map(String).map((name) => (FIELD_NAME.test(name) ? name : '?'));
  return names.join('.').slice(0, FIELD_PATH_LENGTH_MAX);
}

/** The answer for an error. `requestId` goes into the body as `instance`. */
export function problemResponse(error: ApiError, requestId: string): Response {
  const answer = new Headers(error instanceof ProblemWithHeaders ? error.headers : undefined);
  answer.set('content-type', 'application/problem+json');
  answer.set('cache-control', 'no-store');
  answer.set('x-request-id', requestId);
  answer.set(PROBLEM_CODE_HEADER, error.code);
  const { retryAfter } = error.options;
  if (retryAfter !== undefined) answer.set('retry-after', String(retryAfter));
  if (error.status === 401) answer.set('www-authenticate', challenge(error.code));
  const body = JSON.stringify(toProblem(error, requestId));
  return new Response(body, { status: PROBLEMS[error.code].status, headers: answer });
}

/** RFC 6750, 3 and RFC 9449, 7.1 and 9: what a client of these standards acts on. */
function challenge(code: ProblemCode): string {
  if (code === 'auth.proof-nonce') return 'DPoP error="use_dpop_nonce", algs="EdDSA"';
  if (code.startsWith('auth.proof-')) return 'DPoP error="invalid_dpop_proof", algs="EdDSA"';
  return 'Bearer';
}
