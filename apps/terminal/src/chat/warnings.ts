/** What people have to be told about trust, in words, with what they can type about it. */
import { ConnectionError, type ConversationView } from '@sotto/client';
import { type AlarmNotice, type AlarmView, alarmsOf, type NameOf } from '@sotto/hooks';
import { explain } from '../explain.ts';
import { safeLine } from '../safe-text.ts';
import type { Desk } from './desk.ts';

type View = Pick<ConversationView, 'id' | 'members'>;

/** Tells what fails by itself. Gives back the function that ends that. */
export function followTrouble(desk: Desk): () => void {
  const { on } = desk.client;
  const ends = [
    on('trouble', ({ error }) => tellOnce(desk, error)),
    on('silent', ({ isSilent }) => {
      if (isSilent) desk.change({ notice: { text: SILENT, isTrouble: true } });
      else if (desk.state.get().notice?.text === SILENT) desk.change({ notice: undefined });
    }),
  ];
  return () => {
    for (const end of ends) end();
  };
}

const SILENT = 'The program that has this account was stopped: let it go on (fg), or end it';

/** Never in the place of something that a person waits for; that there is no connection stands in the first row. */
function tellOnce(desk: Desk, error: unknown): void {
  if (error instanceof ConnectionError || desk.state.get().notice !== undefined) return;
  desk.change({ notice: { text: `${explain(error)} (tried again by itself)`, isTrouble: false } });
}

/** What concerns the account, and the conversation that is open. */
export function warningWords(alarms: AlarmView, view: View | undefined, nameOf: NameOf): string[] {
  const { general, brokenGroups, notices } = alarms;
  const said = general === undefined ? [] : [GENERAL_WORDS[general]];
  if (view !== undefined && brokenGroups.includes(view.id)) said.push(BROKEN_GROUP);
  for (const user of view?.members ?? []) {
    said.push(...wordsAbout(alarms, user, safeLine(nameOf(user))));
  }
  return [...said, ...notices.map(({ kind }) => NOTICE_WORDS[kind])];
}

/** Puts away what a person has read; what waits for a decision goes on waiting. */
export function forgetNotes({ client }: Desk, view: View | undefined): void {
  const book = alarmsOf(client);
  for (const notice of book.get().notices) book.dismiss(notice);
  for (const user of view?.members ?? []) book.dismissWarning(user);
}

function wordsAbout(
  { identityChanged, logBroken, listWarnings }: AlarmView,
  user: ConversationView['members'][number],
  name: string,
): string[] {
  const warning = listWarnings.get(user);
  return [
    ...(identityChanged.includes(user) ? [changedWords(name)] : []),
    ...(logBroken.includes(user) ? [brokenWords(name)] : []),
    ...(warning === undefined ? [] : [LIST_WORDS[warning](name)]),
  ];
}

function changedWords(name: string): string {
  return `The keys of ${name} have changed: a new phone, or somebody in between. /verify, then /trust`;
}

function brokenWords(name: string): string {
  return `The key log shows different keys of ${name} to different people. /verify, then /trust`;
}

const LIST_WORDS = {
  stale: (name: string) => `The devices of ${name} were not confirmed for two weeks: /verify (/ok)`,
  ahead: (name: string) => `The devices of ${name} are confirmed by a wrong clock (/ok)`,
  refused: (name: string) =>
    `The list of devices of ${name} is not theirs: nothing is sent. /verify (/ok)`,
} as const;

const BROKEN_GROUP =
  'What the server says about who is in this group is not what was seen before: nothing is sent. Ask the others by another way who is in it (/members); if that is so: /trust-group';

const GENERAL_WORDS: Readonly<Record<NonNullable<AlarmView['general']>, string>> = {
  'key-log.broken':
    'The server’s record of everybody’s keys is not the one from before: nothing is sent. Ask its operator by another way; if there is a good reason: /trust-log',
  'account.compromised':
    'Somebody else has made keys for your account, or you have logged in elsewhere without linking: nothing is sent. If it was you: /link here, and the code there. If not: /reclaim',
};

const NOTICE_WORDS: Readonly<Record<AlarmNotice['kind'], string>> = {
  'key-log-restored':
    'The server was restored from a backup. To be sure of somebody, compare safety numbers. (/ok)',
  'store-behind':
    'This store is older than what the server knows: is there another copy of it? (/ok)',
  'history-lost':
    'This device is linked, but the history that was to come with it did not arrive. (/ok)',
};
