/** How subjects are divided: three logs that are kept, and signals that are not. */
import { BUS_MESSAGE_BYTES_MAX } from './limits.ts';

/**
 * `events`: facts that consumers must not miss, kept until they have taken them. `audit`: the same for lines of the
 * audit log, which are many and must not take the place of the others. `fanout`: copies of what the database has, kept
 * for minutes.
 */
export type Log = 'events' | 'audit' | 'fanout';

/** What subjects of the log `audit` begin with. */
export const AUDIT_SUBJECTS = 'events.audit.';

const SUBJECT = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/;

/** The log that keeps a subject. Throws for any other subject: subjects are literals of our own source. */
export function logOf(subject: string): Log {
  const [log] = subject.split('.');
  if (!SUBJECT.test(subject) || (log !== 'events' && log !== 'fanout')) {
    throw new TypeError(`not a subject of a log: ${subject}`);
  }
  return subject.startsWith(AUDIT_SUBJECTS) ? 'audit' : log;
}

/** Throws for what no log takes: a strange subject, or a message beyond the size limit. */
export function assertPublishable(subject: string, data: Uint8Array): void {
  logOf(subject);
  if (data.byteLength > BUS_MESSAGE_BYTES_MAX) throw new RangeError('the message is too large');
}

/** True when a subject is the one listened to, or one token longer than a pattern that ends in `.*`. */
export function matchesSubject(pattern: string, subject: string): boolean {
  if (!pattern.endsWith('.*')) return pattern === subject;
  const stem = pattern.slice(0, -1);
  return (
    subject.startsWith(stem) && subject.length > stem.length && !subject.includes('.', stem.length)
  );
}
