/** What can be typed after a slash, by name: how it is called, what it does. */
import { CommandError, EXIT } from '../exit-code.ts';
import { login, quit, rename as renameMe, search } from './account-commands.ts';
import type { Desk, Turn } from './desk.ts';
import { devices, link, reclaim, reportLost, unlink } from './device-commands.ts';
import { add, demote, group, leave, members, promote, remove, rename } from './group-commands.ts';
import { helpPanel } from './help-panel.ts';
import { edit, react, reply, save, sendFile, takeBack } from './message-commands.ts';
import { accept, begin, block, mute, timer, unblock } from './people-commands.ts';
import { showPanel } from './telling.ts';
import { acknowledge, trust, trustGroup, trustLog, verify } from './trust-commands.ts';

/** `rest` is what comes behind a command's name, as it was typed. */
export type Run = (desk: Desk, rest: string, turn: Turn) => Promise<void> | void;

/** What Tab offers behind it. */
export type Completes = 'people' | 'members' | 'files' | 'nothing';

export interface SlashCommand {
  readonly usage: string;
  readonly summary: string;
  readonly completes: Completes;
  readonly run: Run;
}

/** In the order of the help. */
export const SLASH_COMMANDS: ReadonlyMap<string, SlashCommand> = new Map(
  Object.entries({
    new: command('NAME', 'talk with somebody', begin, 'people'),
    group: command('TITLE NAME…', 'found a group ("two words" in quotes)', group, 'people'),
    add: command('NAME…', 'add people to this group', add, 'people'),
    remove: command('NAME…', 'remove people from it', remove, 'members'),
    members: command('', 'who is in it', members),
    rename: command('TITLE', 'call it something else', rename),
    admin: command('NAME…', 'let them change the group, too', promote, 'members'),
    unadmin: command('NAME…', 'let them no longer', demote, 'members'),
    leave: command('', 'leave it', leave),
    reply: command('TEXT', 'answer the chosen message, or the newest', reply),
    react: command('EMOJI', 'react to it; without EMOJI take that back', react),
    edit: command('TEXT', 'change your chosen, or newest, message', edit),
    delete: command('', 'take it back, for everybody', takeBack),
    file: command('PATH', 'send a file', sendFile, 'files'),
    save: command('[PATH]', 'save the chosen, or newest, file', save, 'files'),
    search: command('WORD', 'look for words in all that is kept here', search),
    accept: command('', 'accept a request', accept),
    block: command('', 'block who writes here', block),
    unblock: command('[NAME]', 'let them write again', unblock, 'people'),
    mute: command('[TIME]', 'let nothing here wake your devices (8h, off)', mute),
    timer: command('TIME', 'let messages go away (30s, 5m, 1h, 1d, 1w, off)', timer),
    name: command('[WORDS]', 'what others see as your name', renameMe),
    verify: command('[NAME]', 'compare safety numbers', verify, 'members'),
    trust: command('[NAME]', 'accept changed keys as /verify has shown them', trust, 'members'),
    'trust-group': command('', 'go on with a group as it is shown now', trustGroup),
    'trust-log': command('', 'go on with the record of keys as it is now', trustLog),
    devices: command('', 'your devices', devices),
    unlink: command('NUMBER', 'take one of them off your account, for good', unlink),
    lost: command('NUMBER', 'the same for one that somebody else may have', reportLost),
    link: command('CODE', 'make a device that shows CODE one of yours', link),
    login: command('', 'log in again, after the session has ended', login),
    reclaim: command('', 'take the account back, when others have made keys for it', reclaim),
    ok: command('', 'put warnings away that you have read', acknowledge),
    help: command('', 'this page', (desk) => showPanel(desk, helpPanel(SLASH_COMMANDS))),
    quit: command('', 'end (Ctrl+C twice, too)', quit),
  }),
);

/** What goes on while people chat, and leads nowhere else. */
const LONG: ReadonlySet<string> = new Set(['file', 'save', 'link', 'search']);

/** What leads to another conversation. */
const OPENING: ReadonlySet<string> = new Set(['new', 'group']);

/** What says something, in as many lines as it is typed in. */
const SAYING: ReadonlySet<string> = new Set(['reply', 'edit']);

/** Whether what was typed is done beside what is typed next. */
export function isLong(typed: string): boolean {
  return LONG.has(nameIn(typed));
}

/** Whether it opens a conversation. */
export function isOpening(typed: string): boolean {
  return OPENING.has(nameIn(typed));
}

/** Whether it is to be read by people. */
export function isText(typed: string): boolean {
  return !/^\/(?!\/)/u.test(typed) || SAYING.has(nameIn(typed));
}

function nameIn(typed: string): string {
  return /^\/(\S*)/u.exec(typed)?.[1]?.toLowerCase() ?? '';
}

/** Runs a command. Rejects with what there is to tell. */
export async function runSlash(desk: Desk, turn: Turn): Promise<void> {
  const [, name = '', rest = ''] = /^\/(\S*)\s*([\s\S]*)$/u.exec(turn.text) ?? [];
  const found = SLASH_COMMANDS.get(name.toLowerCase());
  if (found !== undefined) return found.run(desk, rest.trim(), turn);
  throw new CommandError(`there is no /${name}: /help shows what there is`, EXIT.usage);
}

function command(
  usage: string,
  summary: string,
  run: Run,
  completes: Completes = 'nothing',
): SlashCommand {
  return { usage, summary, run, completes };
}
