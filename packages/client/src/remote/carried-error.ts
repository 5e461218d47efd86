/** Errors as data, so that they are of the same class and code on both sides of a line. */
import { ApiError, fromProblem, Problem, toProblem } from '@sotto/api';
import { CryptoError, type CryptoErrorCode } from '@sotto/crypto';
import * as z from 'zod/mini';
import { ClientError, type ClientErrorCode, ConnectionError } from '../errors.ts';

/** Causes of causes that are told. */
const DEPTH_MAX = 4;

const Text = z.string();

const CarriedError = z.object({
  kind: z.enum(['client', 'connection', 'crypto', 'platform', 'dom', 'range', 'type', 'other']),
  message: Text,
  name: Text,
  code: z.optional(Text),
  problem: z.optional(Problem),
  cause: z.optional(z.unknown()),
});
type CarriedError = z.infer<typeof CarriedError>;

/** An error as plain data. */
export function describeError(error: Error, depth = 0): CarriedError {
  const { message, name, cause } = error;
  const inner =
    cause instanceof Error && depth < DEPTH_MAX ? { cause: describeError(cause, depth + 1) } : {};
  const told = { message, name, ...inner };
  if (error instanceof ClientError) return { kind: 'client', code: error.code, ...told };
  if (error instanceof ConnectionError) return { kind: 'connection', ...told };
  if (error instanceof CryptoError) return { kind: 'crypto', code: error.code, ...told };
  if (error instanceof ApiError) return { kind: 'platform', problem: toProblem(error), ...told };
  if (error instanceof DOMException) return { kind: 'dom', ...told };
  if (error instanceof RangeError) return { kind: 'range', ...told };
  return { kind: error instanceof TypeError ? 'type' : 'other', ...told };
}

/** The error that was described. What is no description comes as an error that says so. */
export function rebuildError(value: unknown, depth = 0): Error {
  const parsed = CarriedError.safeParse(value);
  if (!parsed.success || depth > DEPTH_MAX) return new Error('an error that cannot be read');
  const { kind, message, name, code, problem, cause } = parsed.data;
  const options = cause === undefined ? {} : { cause: rebuildError(cause, depth + 1) };
  switch (kind) {
    // Whoever wrote the code has the same table of codes, or one that was added to.
    case 'client':
      return new ClientError(code as ClientErrorCode, message, options);
    case 'crypto':
      return new CryptoError(code as CryptoErrorCode, message, options);
    case 'connection':
      return new ConnectionError(message, options);
    case 'platform':
      return fromProblem(problem) ?? new ConnectionError(message, options);
    case 'dom':
      return new DOMException(message, name);
    case 'range':
      return new RangeError(message, options);
    case 'type':
      return new TypeError(message, options);
    case 'other':
      return new Error(message, options);
  }
}
