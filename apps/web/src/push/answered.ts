/**
 * What somebody has answered when they were asked about notifications: in this browser, and for one account. The browser's
 * own consent is the whole page's, so that of somebody else would do for whoever comes next.
 */
import type { Me } from '@sotto/client';

/** `off` is an answer as well: nobody is asked again. */
export type Answer = 'on' | 'off';

type Notes = Pick<Storage, 'getItem' | 'setItem'>;
type Whose = Pick<Me, 'user'>;

/** The answer of an account; undefined when it was never asked. */
export function answerOf({ user }: Whose, notes: Notes = localStorage): Answer | undefined {
  const kept = notes.getItem(noteOf(user));
  return kept === 'on' || kept === 'off' ? kept : undefined;
}

/** Keeps an answer until the account leaves this browser. */
export function keepAnswer({ user }: Whose, answer: Answer, notes: Notes = localStorage): void {
  notes.setItem(noteOf(user), answer);
}

function noteOf(user: Me['user']): string {
  return `sotto/notifications/${user}`;
}
