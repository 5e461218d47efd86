/**
 * The log: JSON lines of allow-listed fields.
 *
 * A line is an event's name and a few fields from a closed list. Nothing that identifies a person, no body, no key
 * and no text that came from outside can be logged, because there is no field to put it in.
 */
import { type DestinationStream, pino } from 'pino';
import { describeError } from './error-text.ts';
import type { LOG_LEVELS } from './sections.ts';

/** Everything that a line may carry. */
export interface LogFields {
  requestId?: string;
  method?: string;
  /** The route's pattern, never the path: paths carry identifiers. */
  route?: string;
  status?: number;
  durationMs?: number;
  /** A problem code, or another code from a closed list. */
  code?: string;
  /** Logged as name, code and stack; its message only when it cannot hold data. */
  error?: unknown;
  /** A subject of the bus. */
  subject?: string;
  /** A consumer, schema, migration, stream or peer: a name from our own source. */
  name?: string;
  port?: number;
  attempt?: number;
  count?: number;
  bytes?: number;
  delayMs?: number;
  /** The id of a row of the audit log: whoever may read that table learns there whose it is. */
  entry?: string;
}

export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  /** A bug of ours, or a fault that an operator must act on. */
  error(event: string, fields?: LogFields): void;
}

export interface LoggerOptions {
  service: string;
  level: (typeof LOG_LEVELS)[number] | 'silent';
  /** Where lines go; standard output when left out. */
  destination?: DestinationStream;
}

const ALLOWED: ReadonlySet<string> = new Set<keyof LogFields>([
  'requestId',
  'method',
  'route',
  'status',
  'durationMs',
  'code',
  'error',
  'subject',
  'name',
  'port',
  'attempt',
  'count',
  'bytes',
  'delayMs',
  'entry',
]);

/** A logger. Fields outside the list are dropped at run time too. */
export function createLogger({ service, level, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service },
    messageKey: 'event',
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
  };
  const out = destination === undefined ? pino(options) : pino(options, destination);
  return {
    debug: (event, fields) => out.debug(allowed(fields), event),
    info: (event, fields) => out.info(allowed(fields), event),
    warn: (event, fields) => out.warn(allowed(fields), event),
    error: (event, fields) => out.error(allowed(fields), event),
  };
}

function allowed(fields: LogFields = {}): object {
  const kept = Object.entries(fields).filter(([name, value]) => {
    return ALLOWED.has(name) && value !== undefined;
  });
  return Object.fromEntries(
    kept.map(([name, value]) => [name, name === 'error' ? describeError(value) : value]),
  );
}
