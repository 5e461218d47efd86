/** The commands by their names, each loaded when it is called: a script does not wait for what it does not use. */
import type { OptionName } from './arguments.ts';
import type { Call } from './call.ts';

/** One command. */
export interface Command {
  /** Beside those of all commands. */
  readonly options: readonly OptionName[];
  readonly load: () => Promise<(call: Call) => Promise<void>>;
}

/** A map, because an object would know `constructor` too. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  [
    'register',
    {
      options: ['password-file', 'invite', 'json'],
      load: async () => (await import('./scripts/account-commands.ts')).register,
    },
  ],
  [
    'login',
    {
      options: ['password-file', 'new-identity', 'json'],
      load: async () => (await import('./scripts/account-commands.ts')).login,
    },
  ],
  [
    'recover',
    {
      options: ['recovery-code-file', 'password-file', 'new-identity', 'json'],
      load: async () => (await import('./scripts/account-commands.ts')).recover,
    },
  ],
  [
    'whoami',
    { options: ['json'], load: async () => (await import('./scripts/account-commands.ts')).whoami },
  ],
  [
    'logout',
    { options: [], load: async () => (await import('./scripts/account-commands.ts')).logout },
  ],
  ['send', { options: ['json'], load: async () => (await import('./scripts/send.ts')).send }],
  [
    'read',
    {
      options: ['json', 'since', 'unread', 'limit', 'keep'],
      load: async () => (await import('./scripts/read.ts')).read,
    },
  ],
  ['watch', { options: ['json'], load: async () => (await import('./scripts/watch.ts')).watch }],
  ['list', { options: ['json'], load: async () => (await import('./scripts/list.ts')).list }],
  [
    'send-file',
    { options: ['json'], load: async () => (await import('./scripts/files.ts')).sendFile },
  ],
  [
    'save',
    { options: ['json', 'output'], load: async () => (await import('./scripts/files.ts')).save },
  ],
  ['accept', { options: [], load: async () => (await import('./scripts/trust.ts')).accept }],
  [
    'verify',
    { options: ['json', 'accept'], load: async () => (await import('./scripts/trust.ts')).verify },
  ],
  [
    'link',
    { options: ['json', 'history'], load: async () => (await import('./scripts/trust.ts')).link },
  ],
]);
