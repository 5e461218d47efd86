/**
 * What people have to be told about trust, and what they can do about it. What waits for a decision is read from the store,
 * wherever and whenever it was found; the rest has happened since the chat was opened, and stands until it was read.
 */
import { ConnectionError, type ConversationView } from '@sotto/client';
import type { NameOf } from '@sotto/hooks';
import { explain } from '../explain.ts';
import { safeLine } from '../safe-text.ts';
import type { Desk } from './desk.ts';

type UserId = ConversationView['members'][number];
type ConversationId = ConversationView['id'];

/** About one user, one conversation, or this account. */
export type Warning = (
  | { readonly about: 'user'; readonly user: UserId; readonly words: (name: string) => string }
  | {
      readonly about: 'conversation';
      readonly conversation: ConversationId;
      readonly words: string;
    }
  | { readonly about: 'account'; readonly words: string }
) & {
  /** Something waits for a decision, and reading about it decides nothing. */
  readonly isWaiting?: boolean;
};

/** By what they are about, so that each is shown once. */
export type Warnings = ReadonlyMap<string, Warning>;

const LIST_WORDS = {
  stale: (name: string) => `The devices of ${name} were not confirmed for two weeks: /verify (/ok)`,
  ahead: (name: string) => `The devices of ${name} are confirmed by a wrong clock (/ok)`,
  refused: (name: string) =>
    `The list of devices of ${name} is not theirs: nothing is sent. /verify (/ok)`,
} as const;

/** Follows the alarms of a client. Gives back the function that ends that. */
export function followWarnings(desk: Desk): () => void {
  const { on } = desk.client;
  // What cannot be read now is read with the next event; a client that is closed has no more to tell.
  const read = () => void readWarnings(desk).catch(() => {});
  const note = (key: string, words: string) => add(desk, key, { about: 'account', words });
  const ends = [
    on('identity-changed', read),
    on('key-log-broken', read),
    on('account-compromised', read),
    on('group-broken', read),
    // Another program of this account may have decided, or found something.
    on('conversation', read),
    on('connected', read),
    on('device-list-warning', ({ user, warning }) =>
      add(desk, `list/${user}`, { about: 'user', user, words: LIST_WORDS[warning] }),
    ),
    on('key-log-restored', () => note('restored', RESTORED)),
    on('store-behind', () => note('behind', BEHIND)),
    on('history-lost', () => note('history', HISTORY_LOST)),
    on('logged-out', () => note('logged-out', LOGGED_OUT)),
    on('connected', () => forget(desk, (key) => key === 'logged-out')),
    on('trouble', ({ error }) => tellOnce(desk, error)),
  ];
  read();
  return () => {
    for (const end of ends) end();
  };
}

/** Shows what waits for a decision now. Rejects as reading the store does. */
export function readWarnings({ readings, ...desk }: Desk): Promise<void> {
  // One after the other, so that what is older never comes last; and one for all who ask before it begins.
  readings.next ??= readings.last
    .catch(() => {})
    .then(() => {
      readings.next = undefined;
      return readNow(desk);
    });
  readings.last = readings.next;
  return readings.last;
}

async function readNow(desk: Pick<Desk, 'client' | 'state' | 'change'>): Promise<void> {
  const { client } = desk;
  const [alarms, conversations] = await Promise.all([client.alarms(), client.conversations()]);
  const { general, identityChanged, logBroken } = alarms;
  const found = new Map<string, Warning>();
  const words = general === 'account.compromised' ? COMPROMISED : BROKEN_LOG;
  if (general !== undefined) found.set('account', { about: 'account', words });
  for (const user of identityChanged) {
    found.set(`user/${user}`, { about: 'user', user, words: changedWords });
  }
  for (const user of logBroken) {
    found.set(`log/${user}`, { about: 'user', user, words: brokenWords });
  }
  for (const conversation of conversations) {
    const { id, kind } = conversation;
    if (kind !== 'group' || conversation.broken === undefined) continue;
    found.set(`group/${id}`, { about: 'conversation', conversation: id, words: BROKEN_GROUP });
  }
  const noted = [...desk.state.get().warnings].filter(([, { isWaiting }]) => isWaiting !== true);
  const waiting = [...found].map(([key, each]) => [key, { ...each, isWaiting: true }] as const);
  desk.change({ warnings: new Map([...waiting, ...noted]) });
}

/** Those that concern what is open now, in words. */
export function warningWords(
  warnings: Warnings,
  view: Pick<ConversationView, 'id' | 'members'> | undefined,
  nameOf: NameOf,
): string[] {
  return [...warnings.values()].flatMap((warning) => {
    if (!isAbout(warning, view)) return [];
    if (warning.about !== 'user') return [warning.words];
    return [warning.words(safeLine(nameOf(warning.user)))];
  });
}

function isAbout(
  warning: Warning,
  view: Pick<ConversationView, 'id' | 'members'> | undefined,
): boolean {
  if (warning.about === 'account') return true;
  if (warning.about === 'conversation') return warning.conversation === view?.id;
  return view?.members.includes(warning.user) === true;
}

/** After somebody's identity was accepted. Rejects as reading the store does. */
export async function forgetUser(desk: Desk, user: UserId): Promise<void> {
  forget(desk, (_, warning) => warning.about === 'user' && warning.user === user);
  await readWarnings(desk);
}

/** What a person has read here; what waits for a decision goes on waiting. */
export function forgetNotes(desk: Desk, view: ConversationView | undefined): void {
  forget(desk, (_, warning) => warning.isWaiting !== true && isAbout(warning, view));
}

function add(desk: Desk, key: string, warning: Warning): void {
  desk.change({ warnings: new Map(desk.state.get().warnings).set(key, warning) });
}

function forget(desk: Desk, isGone: (key: string, warning: Warning) => boolean): void {
  const { warnings } = desk.state.get();
  const left = [...warnings].filter(([key, warning]) => !isGone(key, warning));
  if (left.length < warnings.size) desk.change({ warnings: new Map(left) });
}

/** Never in the place of something that a person waits for; that there is no connection stands in the first row. */
function tellOnce(desk: Desk, error: unknown): void {
  if (error instanceof ConnectionError || desk.state.get().notice !== undefined) return;
  desk.change({ notice: { text: `${explain(error)} (tried again by itself)`, isTrouble: false } });
}

function changedWords(name: string): string {
  return `The keys of ${name} have changed: a new phone, or somebody in between. /verify, then /trust`;
}

function brokenWords(name: string): string {
  return `The key log shows different keys of ${name} to different people. /verify, then /trust`;
}

const BROKEN_GROUP =
  'What the platform shows of this group is not what was seen before. Ask its members.';
const BROKEN_LOG =
  'The key log is not the one that was seen before: nothing is sent. Ask the operator.';
const COMPROMISED =
  'Somebody else has made keys for your account: nothing is sent. Link this device anew.';
const RESTORED = 'The platform was restored from a backup: compare safety numbers again. (/ok)';
const BEHIND =
  'This store is older than what the platform knows: is there another copy of it? (/ok)';
const HISTORY_LOST = 'The history that was to come to this device cannot be had. (/ok)';
const LOGGED_OUT = 'The session has ended: /quit, then sotto login NAME';
