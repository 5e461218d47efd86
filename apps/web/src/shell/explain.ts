/** What went wrong, in words for whoever sits before the page. */
import { codeOf, type ErrorWords, errorWords } from '@sotto/hooks';

export { codeOf } from '@sotto/hooks';

/** What a browser is part of, and what a person does about it in a page. */
const WORDS: ErrorWords = {
  'account.exists': 'This browser already holds another account. Remove it first, in Settings.',
  'connection.refused': 'This page is older or newer than the server. Reload it.',
  'store.locked': 'Sotto is open in another tab or window. Use that one, or close it.',
  'store.invalid': 'What this browser has stored for Sotto is damaged.',
  'store.newer': 'A newer version of Sotto has used this browser. Reload the page.',
  'store.unsupported':
    'This browser gives the page no storage or no locks. Use HTTPS, and no private window.',
  'backup.store-used': 'This browser holds an account already. Restore into a fresh one.',
  'push.off': 'This server sends no notifications.',
  'push.endpoint-refused': 'This browser’s notification service is not allowed here.',
};

/** Words for an error. One that nobody expected is named by its code, for who asks for help with it. */
export function explain(error: unknown): string {
  const words = errorWords(error, WORDS);
  if (words !== undefined) return words;
  const code = codeOf(error);
  return code === undefined ? 'Something went wrong.' : `Something went wrong (${code}).`;
}
