/** What may be told of an error: enough to find it, nothing that came from outside. */

/** Names of errors whose messages quote the input that caused them. */
const QUOTING: ReadonlySet<string> = new Set(['SyntaxError', 'ZodError', '$ZodError']);

/** Causes are followed this far; a longer chain is a loop. */
const CAUSES_MAX = 4;

export interface ErrorText {
  name: string;
  code?: string;
  message?: string;
  /** The database constraint that was broken. */
  constraint?: string;
  stack?: string[];
  cause?: ErrorText;
}

/** An error as loggable fields: messages of a database, a parser and Node's checks quote values, so they are left out. */
export function describeError(error: unknown, depth = 0): ErrorText {
  if (!(error instanceof Error)) return { name: typeof error };
  const code = 'code' in error && error.code !== undefined ? String(error.code) : undefined;
  const constraint = 'constraint' in error ? String(error.constraint) : undefined;
  const quotes =
    QUOTING.has(error.name) || 'severity' in error || code?.startsWith('ERR_') === true;
  return {
    name: error.name,
    ...(code !== undefined && { code }),
    ...(!quotes && { message: error.message.slice(0, 500) }),
    ...(constraint !== undefined && constraint !== 'undefined' && { constraint }),
    ...(error.stack !== undefined && { stack: frames(error.stack) }),
    ...(error.cause !== undefined &&
      depth < CAUSES_MAX && { cause: describeError(error.cause, depth + 1) }),
  };
}

/** The places of a stack without its first lines, which repeat the message. */
function frames(stack: string): string[] {
  return stack
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '))
    .slice(0, 8);
}
