/** Commands about conversations of two, and about who may write. */
import { lifetimeLabel, standingsOf, untilLifted } from '@sotto/hooks';
import { CommandError, EXIT } from '../exit-code.ts';
import { safeLine } from '../safe-text.ts';
import type { Desk, Turn } from './desk.ts';
import { needOpen, needView, needWords, userMeant, usersNamed, wordsOf } from './people-named.ts';
import { arrive } from './places.ts';
import { renewRequestsOn } from './requests.ts';
import { tell } from './telling.ts';

/** `/new NAME` */
export async function begin(desk: Desk, rest: string, { coming }: Turn): Promise<void> {
  const [name = ''] = wordsOf(needWords(rest, '/new NAME'));
  const [user] = await usersNamed(desk, [name]);
  if (user === undefined || coming === undefined) return;
  const { id } = await desk.client.openDirect(user);
  arrive(desk, coming, id);
}

/** `/accept` */
export async function accept(desk: Desk, _rest: string, turn: Turn): Promise<void> {
  await desk.client.people.accept(needOpen(turn));
  await renewRequestsOn(desk);
  tell(desk, 'Accepted', turn.place);
}

/** `/block`: ends a request, or blocks the other one of a conversation of two. */
export async function block(desk: Desk, _rest: string, turn: Turn): Promise<void> {
  const { id, kind, members } = await needView(desk, turn);
  const isRequest = desk.state.get().requests.has(id);
  if (kind === 'group' && !isRequest) {
    throw new CommandError(
      'open the conversation with whom you want to block, or /leave',
      EXIT.usage,
    );
  }
  const other = members.find((user) => user !== desk.me.user);
  if (isRequest) await desk.client.people.decline(id);
  else if (other !== undefined) await desk.client.people.block(other);
  await renewRequestsOn(desk);
  const name = other === undefined ? 'nobody' : safeLine(desk.shown.nameOf(other));
  const done = kind === 'group' ? 'You have left the group' : `${name} is blocked, and is not told`;
  tell(desk, done, turn.place);
}

/** `/unblock [NAME]` */
export async function unblock(desk: Desk, rest: string, turn: Turn): Promise<void> {
  const user = await userMeant(desk, rest, turn);
  await desk.client.people.unblock(user);
  const { username } = await desk.client.people.find(user);
  tell(desk, `${safeLine(username)} may write to you again; what they sent meanwhile is lost`);
}

/** `/mute [TIME]`, `/mute off`: nothing that is said here wakes a device of this account. */
export async function mute(desk: Desk, rest: string, turn: Turn): Promise<void> {
  const id = needOpen(turn);
  const seconds = rest === '' ? undefined : secondsOf(rest);
  await desk.client.people.mute(id, mutedUntil(seconds));
  standingsOf(desk.client).renew(id);
  const length = typeof seconds === 'number' ? ` for ${lifetimeLabel(seconds)}` : '';
  const words =
    seconds === null ? 'wakes your devices again' : `wakes none of your devices${length}`;
  tell(desk, `What is said here ${words}`, turn.place);
}

function mutedUntil(seconds: number | null | undefined): Date | null {
  if (seconds === null) return null;
  return seconds === undefined ? untilLifted(Date.now()) : new Date(Date.now() + seconds * 1000);
}

const UNITS_S: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
};

/** `/timer TIME` */
export async function timer(desk: Desk, rest: string, turn: Turn): Promise<void> {
  const id = needOpen(turn);
  const seconds = secondsOf(needWords(rest, '/timer 1d, or /timer off'));
  await desk.client.setTimer(id, seconds);
  tell(
    desk,
    seconds === null
      ? 'Messages stay from now on'
      : `Messages go away ${lifetimeLabel(seconds)} after they were read`,
    turn.place,
  );
}

function secondsOf(text: string): number | null {
  if (['off', 'none', '0'].includes(text.toLowerCase())) return null;
  const [, count, unit = ''] = /^([1-9]\d{0,5})([smhdw])$/u.exec(text) ?? [];
  const seconds = Number(count) * (UNITS_S[unit] ?? Number.NaN);
  if (seconds <= 4 * 604_800) return seconds;
  throw new CommandError('a time is 30s, 5m, 1h, 1d or 1w, four weeks at most, or off', EXIT.usage);
}
