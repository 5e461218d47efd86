/** What people have to be told about trust, and what they can do about it. Each stands until it was dealt with. */
import type { ConversationView } from '@sotto/client';
import type { NameOf } from '@sotto/hooks';
import { safeLine } from '../safe-text.ts';
import type { Desk } from './desk.ts';

type UserId = ConversationView['members'][number];
type ConversationId = ConversationView['id'];

/** About one user, one conversation, or this account. */
export type Warning =
  | { readonly about: 'user'; readonly user: UserId; readonly words: (name: string) => string }
  | {
      readonly about: 'conversation';
      readonly conversation: ConversationId;
      readonly words: string;
    }
  | { readonly about: 'account'; readonly words: string };

/** By what they are about, so that each is shown once. */
export type Warnings = ReadonlyMap<string, Warning>;

const LIST_WORDS = {
  stale: (name: string) => `The devices of ${name} were not confirmed for two weeks: /verify`,
  ahead: (name: string) => `The devices of ${name} are confirmed by a wrong clock`,
  refused: (name: string) =>
    `The list of devices of ${name} is not theirs: nothing is sent. /verify`,
} as const;

/** Follows the alarms of a client. Gives back the function that ends that. */
export function followWarnings(desk: Desk): () => void {
  const { on } = desk.client;
  const add = (key: string, warning: Warning) => {
    const warnings = new Map(desk.state.get().warnings).set(key, warning);
    desk.change({ warnings });
  };
  const account = (key: string, words: string) => add(key, { about: 'account', words });
  const ends = [
    on('identity-changed', ({ user }) =>
      add(`user/${user}`, { about: 'user', user, words: changedWords }),
    ),
    on('device-list-warning', ({ user, warning }) =>
      add(`list/${user}`, { about: 'user', user, words: LIST_WORDS[warning] }),
    ),
    on('group-broken', ({ conversation }) =>
      add(`group/${conversation}`, { about: 'conversation', conversation, words: BROKEN_GROUP }),
    ),
    on('key-log-broken', ({ user }) => {
      if (user === undefined) account('key-log', BROKEN_LOG);
      else add(`log/${user}`, { about: 'user', user, words: brokenWords });
    }),
    on('account-compromised', () => account('account', COMPROMISED)),
    on('key-log-restored', () => account('restored', RESTORED)),
    on('store-behind', () => account('behind', BEHIND)),
    on('history-lost', () => account('history', HISTORY_LOST)),
    on('logged-out', () => account('logged-out', LOGGED_OUT)),
    on('connected', () => forget(desk, (key) => key === 'logged-out')),
  ];
  return () => {
    for (const end of ends) end();
  };
}

/** Those that concern what is open now, in words. */
export function warningWords(
  warnings: Warnings,
  view: Pick<ConversationView, 'id' | 'members'> | undefined,
  nameOf: NameOf,
): string[] {
  return [...warnings.values()].flatMap((warning) => {
    if (warning.about === 'account') return [warning.words];
    if (warning.about === 'conversation')
      return warning.conversation === view?.id ? [warning.words] : [];
    const isHere = view?.members.includes(warning.user) === true;
    return isHere ? [warning.words(safeLine(nameOf(warning.user)))] : [];
  });
}

/** After somebody's identity was accepted. */
export function forgetUser(desk: Desk, user: UserId): void {
  forget(desk, (_, warning) => warning.about === 'user' && warning.user === user);
}

/** What a person has read and cannot do anything about. */
export function forgetAccountWarnings(desk: Desk): void {
  forget(desk, (_, { about }) => about === 'account');
}

function forget(desk: Desk, isGone: (key: string, warning: Warning) => boolean): void {
  const { warnings } = desk.state.get();
  const left = [...warnings].filter(([key, warning]) => !isGone(key, warning));
  if (left.length < warnings.size) desk.change({ warnings: new Map(left) });
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
