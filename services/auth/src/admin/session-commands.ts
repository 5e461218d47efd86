/** `sessions …`. */
import { parseArgs } from 'node:util';
import { SessionId, type UserId } from '@sotto/api';
import { CommandError, onlyWord, table, timeText } from '@sotto/runtime';
import { requirePassword, requirePasswordOfAll } from '../device-store.ts';
import { activeSessions, endSessionsOfUser } from '../session-store.ts';
import { announceEnded } from '../sessions.ts';
import {
  type AuthTransaction,
  type EndedSession,
  endSession,
  findSession,
  lockUser,
  type Session,
} from '../store.ts';
import type { AdminDeps, Command } from './command.ts';
import { accountOf } from './words.ts';

/** By their names. */
export const sessionCommands: Readonly<Record<string, Command>> = {
  'sessions list': list,
  'sessions revoke': revoke,
};

async function list(deps: AdminDeps, words: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: { json: { type: 'boolean' } },
    allowPositionals: true,
  });
  const { id: user } = await accountOf(deps, onlyWord(positionals, 'user'));
  const at = new Date(deps.clock());
  const sessions = await activeSessions(deps.database.query, { user, at });
  const rows = sessions.map((session) => ({
    session: session.id,
    device: session.device_id,
    created: timeText(session.created_at),
    renewed: timeText(session.renewed_at),
    bound: session.bound_to === null ? 'no' : 'yes',
  }));
  if (values.json) for (const row of rows) deps.terminal.out(JSON.stringify(row));
  else {
    const headings = ['SESSION', 'DEVICE', 'CREATED', 'RENEWED', 'BOUND'];
    for (const line of table(
      headings,
      rows.map((row) => Object.values(row)),
    ))
      deps.terminal.out(line);
  }
}

async function revoke(deps: AdminDeps, words: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: { session: { type: 'string' } },
    allowPositionals: true,
  });
  const { id: user } = await accountOf(deps, onlyWord(positionals, 'user'));
  const ended = await deps.database.query.transaction().execute(async (transaction) => {
    await lockUser(transaction, user);
    const sessions =
      values.session === undefined
        ? await endAll(transaction, user)
        : await endOne(transaction, await sessionOf(deps, user, values.session));
    await announceEnded(transaction, sessions);
    for (const { id: session } of sessions) {
      await deps.audit.note(transaction, { action: 'session.ended', user, session });
    }
    await deps.audit.note(transaction, { action: 'admin.acted', command: 'sessions revoke', user });
    return sessions.length;
  });
  deps.terminal.out(sessionsEnded(ended));
}

async function endAll(transaction: AuthTransaction, user: UserId): Promise<EndedSession[]> {
  const ended = await endSessionsOfUser(transaction, { user });
  await requirePasswordOfAll(transaction, { user });
  return ended;
}

async function endOne(
  transaction: AuthTransaction,
  { id, device_id: device }: Session,
): Promise<EndedSession[]> {
  const ended = await endSession(transaction, id);
  if (ended.length > 0) await requirePassword(transaction, device);
  return ended;
}

async function sessionOf({ database }: AdminDeps, user: string, word: string): Promise<Session> {
  const id = SessionId.safeParse(word.toLowerCase());
  const session = id.success ? await findSession(database.query, id.data) : undefined;
  if (session === undefined || session.user_id !== user) {
    throw new CommandError('this user has no such session');
  }
  return session;
}

/** How many sessions ended. */
export function sessionsEnded(count: number): string {
  return `${count} ${count === 1 ? 'session' : 'sessions'} ended`;
}
