/** Moments and lengths of time in words, in the reader's language and time zone. */

/** For tests: as the machine has it when left out. */
type Locale = string | undefined;

const DAY_MS = 24 * 3_600_000;

/** `Date` goes no further from 1970 than a day more (ECMA-262, 21.4.1.1); time zones lie around it. */
const MOMENT_MAX = 8.64e15 - DAY_MS;
const formats = new Map<string, Intl.DateTimeFormat>();

/** The time of day: 09:05. */
export function clockLabel(time: number, locale?: Locale): string {
  return formatted(time, { hour: '2-digit', minute: '2-digit' }, locale);
}

/** A moment as machines read it, for the `datetime` of a `time` element. */
export function machineTime(time: number): string {
  return momentOf(time).toISOString();
}

/** The day and the time of it, for where nothing else says the day. */
export function fullTimeLabel(time: number, locale?: Locale): string {
  return formatted(time, { dateStyle: 'full', timeStyle: 'short' }, locale);
}

/** A day between messages: Today, Yesterday, Tuesday, or its date. */
export function dayLabel(time: number, now: number, locale?: Locale): string {
  const days = daysBetween(time, now);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  if (days > 1 && days < 7) return formatted(time, { weekday: 'long' }, locale);
  const isThisYear = momentOf(time).getFullYear() === momentOf(now).getFullYear();
  const day = { weekday: 'short', day: 'numeric', month: 'long' } as const;
  return formatted(time, isThisYear ? day : { ...day, year: 'numeric' }, locale);
}

/** When something was said last, in the least space: 09:05, Tue, 4 Nov, 4 Nov 2025. */
export function shortTimeLabel(time: number, now: number, locale?: Locale): string {
  const days = daysBetween(time, now);
  if (days === 0) return clockLabel(time, locale);
  if (days === 1) return 'Yesterday';
  if (days > 1 && days < 7) return formatted(time, { weekday: 'short' }, locale);
  const isThisYear = momentOf(time).getFullYear() === momentOf(now).getFullYear();
  const day = { day: 'numeric', month: 'short' } as const;
  return formatted(time, isThisYear ? day : { ...day, year: '2-digit' }, locale);
}

/** Whether two moments lie on one day of the reader's. */
export function isSameDay(one: number, other: number): boolean {
  return startOfDay(one) === startOfDay(other);
}

const UNITS = [
  ['week', 7 * 24 * 3600],
  ['day', 24 * 3600],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** A length of time in the largest unit that it is a whole number of: 1 week, 90 seconds. */
export function lifetimeLabel(seconds: number): string {
  const [unit, length] = UNITS.find(([, size]) => seconds % size === 0) ?? ['second', 1];
  const count = seconds / length;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** Units of a countdown, and where the next one begins. */
const LEFT = [
  ['s', 1, 60],
  ['m', 60, 60],
  ['h', 3600, 24],
  ['d', 24 * 3600, Number.POSITIVE_INFINITY],
] as const;

/** What is left until a moment, rounded up, in the least space: 3d, 2h, 5m, 9s. */
export function countdownLabel(until: number, now: number): string {
  const seconds = Math.max(0, (until - now) / 1000);
  const counts = LEFT.map(([sign, size, max]) => ({ sign, count: Math.ceil(seconds / size), max }));
  const shown = counts.find(({ count, max }) => count < max);
  return shown === undefined ? '' : `${shown.count}${shown.sign}`;
}

/** Whole days of the calendar; days around a change of the clocks are not of 24 hours. */
function daysBetween(time: number, now: number): number {
  return Math.round((startOfDay(now) - startOfDay(time)) / DAY_MS);
}

function startOfDay(time: number): number {
  return momentOf(time).setHours(0, 0, 0, 0);
}

/** Making a format takes 50 times as long as using it. */
function formatted(time: number, options: Intl.DateTimeFormatOptions, locale: Locale): string {
  const key = JSON.stringify([locale, options]);
  const format = formats.get(key) ?? new Intl.DateTimeFormat(locale, options);
  formats.set(key, format);
  return format.format(momentOf(time));
}

/** Somebody else's device says when it wrote something, and may say anything. */
function momentOf(time: number): Date {
  return new Date(Math.min(Math.max(time, -MOMENT_MAX), MOMENT_MAX));
}
