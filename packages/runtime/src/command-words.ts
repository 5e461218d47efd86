/** Words of a command line as values. Every function throws a CommandError that says what was expected. */
import { Duration } from './sections.ts';
import { wrongCall } from './terminal.ts';

/** The one word that a command takes. */
export function onlyWord(words: readonly string[], name: string): string {
  const [word, ...rest] = words;
  if (word === undefined) throw wrongCall(`say which ${name}`);
  if (rest.length > 0) throw wrongCall(`one ${name} at a time`);
  return word;
}

/** Refuses words that a command does not take. */
export function noWords(words: readonly string[]): void {
  if (words.length > 0) throw wrongCall('this command takes options only');
}

/** A whole number within bounds; the default when it is left out. */
export function wholeNumber(
  text: string | undefined,
  {
    name,
    least,
    most,
    byDefault,
  }: { name: string; least: number; most: number; byDefault: number },
): number {
  if (text === undefined) return byDefault;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw wrongCall(`--${name} is a number, ${least} to ${most}`);
  return value;
}

/** A length of time in milliseconds. */
export function duration(text: string, name: string): number {
  const parsed = Duration.safeParse(text);
  if (!parsed.success || parsed.data === 0)
    throw wrongCall(`--${name} is a time such as 30m, 24h or 7d`);
  return parsed.data;
}

/** A moment: a length of time ago, or a date. */
export function moment(text: string, name: string, now: number): Date {
  const ago = Duration.safeParse(text);
  const at = ago.success ? now - ago.data : Date.parse(text);
  if (Number.isNaN(at))
    throw wrongCall(`--${name} is a time such as 24h, or a date such as 2026-11-21`);
  return new Date(at);
}
