/** What a command line says. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { wrongCall } from './exit-code.ts';
import { COMMAND_TIMEOUT_S } from './limits.ts';

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
  url: { type: 'string' },
  as: { type: 'string' },
  data: { type: 'string' },
  timeout: { type: 'string' },
  passphrase: { type: 'boolean' },
  'passphrase-file': { type: 'string' },
  'password-file': { type: 'string' },
  invite: { type: 'string' },
  'new-identity': { type: 'boolean' },
  'recovery-code-file': { type: 'string' },
  json: { type: 'boolean' },
  since: { type: 'string' },
  unread: { type: 'boolean' },
  keep: { type: 'boolean' },
  limit: { type: 'string' },
  output: { type: 'string', short: 'o' },
  accept: { type: 'string' },
  history: { type: 'boolean' },
} as const satisfies ParseArgsConfig['options'];

/** Every option that any command knows. */
export type OptionName = keyof typeof OPTIONS;

/** What was given, by the names of the options. */
export type Options = {
  readonly [Name in OptionName]?:
    | ((typeof OPTIONS)[Name]['type'] extends 'boolean' ? boolean : string)
    | undefined;
};

export interface Arguments {
  /** Without the command's own name. */
  readonly words: readonly string[];
  readonly options: Options;
}

/** Options that stand for all commands. */
export const OPTIONS_OF_ALL: readonly OptionName[] = [
  ...(['help', 'version', 'url', 'as', 'data'] as const),
  ...(['timeout', 'passphrase', 'passphrase-file'] as const),
];

/** Reads words and options; throws what `parseArgs` throws of options that nothing knows. */
export function readArguments(argv: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: OPTIONS,
    allowPositionals: true,
  });
  return { words: positionals, options: values };
}

/** Refuses options that a command does nothing with. Throws a `CommandError`. */
export function assertOptions(options: Options, taken: readonly OptionName[]): void {
  const known: readonly string[] = [...OPTIONS_OF_ALL, ...taken];
  const stray = Object.keys(options).find((name) => !known.includes(name));
  if (stray !== undefined) throw wrongCall(`this command does not take --${stray}`);
}

/** How long a command may wait for the platform. Throws a `CommandError`. */
export function timeoutOf({ timeout }: Options): number {
  if (timeout === undefined) return COMMAND_TIMEOUT_S * 1000;
  const seconds = /^\d{1,5}$/u.test(timeout) ? Number(timeout) : 0;
  if (seconds === 0) throw wrongCall('--timeout is a number of seconds');
  return seconds * 1000;
}

/** A number of an option. Throws a `CommandError`. */
export function countOf(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/u.test(text)) return Number(text);
  throw wrongCall(`--${name} is a number`);
}

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A moment: so long ago (30m, 24h, 7d), or a date. Milliseconds since 1970. Throws a `CommandError`. */
export function momentOf(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/u.exec(text) ?? [];
  const moment =
    count === undefined ? Date.parse(text) : now - Number(count) * (UNITS_MS[unit] ?? 0);
  if (Number.isNaN(moment)) {
    throw wrongCall('--since is a time such as 30m, 24h or 7d, or a date such as 2026-11-21');
  }
  return moment;
}
