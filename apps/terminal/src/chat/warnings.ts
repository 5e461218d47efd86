/** What people have to be told about trust, in words, with what they can type about it. */
import { ConnectionError, type ConversationView, type Notice } from '@sotto/client';
import {
  type AccountNotice,
  type AlarmView,
  accountNotices,
  deviceNoticeOf,
  type NameOf,
} from '@sotto/hooks';
import { explain } from '../explain.ts';
import type { Desk } from './desk.ts';

type View = Pick<ConversationView, 'id' | 'members'>;

/** A sentence that nobody is to overlook. */
export interface Warning {
  readonly text: string;
  /** What `/ok` puts away; what has none waits for a decision. */
  readonly notice?: Notice;
}

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
export function warningsOf(alarms: AlarmView, view: View | undefined, nameOf: NameOf): Warning[] {
  const { general, brokenGroups } = alarms;
  const decisions = general === undefined ? [] : [GENERAL_WORDS[general]];
  if (view !== undefined && brokenGroups.includes(view.id)) decisions.push(BROKEN_GROUP);
  return [
    ...decisions.map((text) => ({ text })),
    ...(view?.members ?? []).flatMap((user) => warningsAbout(alarms, user, nameOf(user))),
    ...accountNotices(alarms).map((notice) => ({ text: NOTICE_WORDS[notice.kind], notice })),
  ];
}

function warningsAbout(
  alarms: AlarmView,
  user: ConversationView['members'][number],
  name: string,
): Warning[] {
  const notice = deviceNoticeOf(alarms, user);
  return [
    ...(alarms.identityChanged.includes(user) ? [{ text: changedWords(name) }] : []),
    ...(alarms.logBroken.includes(user) ? [{ text: brokenWords(name) }] : []),
    ...(notice === undefined ? [] : [{ text: LIST_WORDS[notice.warning](name), notice }]),
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

const NOTICE_WORDS: Readonly<Record<AccountNotice['kind'], string>> = {
  'key-log-restored':
    'The server was restored from a backup. To be sure of somebody, compare safety numbers. (/ok)',
  'store-behind':
    'This store is older than what the server knows: is there another copy of it? (/ok)',
  'history-lost':
    'This device is linked, but the history that was to come with it did not arrive. (/ok)',
};
