/** What makes a restored database safe to run on (DESIGN 2.9): docs/restore.md says why. */
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseOptions, openDatabase, queryOn } from '@sotto/runtime';
import type pg from 'pg';
import { endSessions, restoreSessions } from '../../services/auth/src/restored.ts';
import type { AuthTables } from '../../services/auth/src/schema.ts';
import { restoreKeys, voidKeys } from '../../services/key/src/restored.ts';
import type { KeyTables } from '../../services/key/src/schema.ts';
import { beginRestore, endRestore, raisePlaces } from '../../services/message/src/restored.ts';
import type { Tables as MessageTables } from '../../services/message/src/schema.ts';
import type { Databases } from '../../services/standalone/src/databases.ts';
import { inSchema } from './schemas.ts';

/** Incarnations count seconds: whatever is restored after this one counts a later second, however short it takes. */
const APART_MS = 1_100;

/** What was done. */
export interface Safety {
  incarnation: number;
  conversations: number;
  sessions: number;
  /** Undefined when it was done before. */
  prekeys: number | undefined;
}

/** The message service's database says how far this is: it begins first and ends last. Safe to begin again. */
export async function makeSafe(
  sections: Databases['sections'],
  { again }: { again: boolean },
): Promise<Safety> {
  await using opened = new AsyncDisposableStack();
  const open = <Tables>(service: 'auth' | 'key' | 'message') => {
    const options = databaseOptions(sections[service], service);
    const database = openDatabase<Tables>({ ...options, poolMax: 1 });
    opened.defer(() => database.close());
    return database;
  };
  const message = open<MessageTables>('message');
  await requireNobody(message.pool);
  const now = await ownSecond();
  const incarnation = await beginRestore(message, { now, again });
  const keys = await restoreKeys(open<KeyTables>('key'), { incarnation, time: now });
  const { sessions } = await restoreSessions(open<AuthTables>('auth'));
  const { conversations } = await endRestore(message, incarnation);
  return { incarnation, conversations, sessions, prekeys: keys?.prekeys };
}

/**
 * The same in the transaction that puts the rows back: no service ever sees them as they were, so none gives out a second
 * time what it gave out after the backup. `above` is the incarnation of the platform that these rows take the place of.
 */
export async function makeSafeWithin(
  client: pg.Client,
  { above }: { above: number },
): Promise<Safety> {
  const now = await ownSecond();
  const incarnation = await inSchema(client, 'message', () =>
    beginRestore({ pool: client }, { now, again: true, above }),
  );
  const keys = await inSchema(client, 'key', () =>
    voidKeys(queryOn<KeyTables>(client), { incarnation, time: now }),
  );
  const { sessions } = await inSchema(client, 'auth', () =>
    endSessions(queryOn<AuthTables>(client)),
  );
  const { conversations } = await inSchema(client, 'message', () =>
    raisePlaces(queryOn<MessageTables>(client), incarnation),
  );
  return { incarnation, conversations, sessions, prekeys: keys?.prekeys };
}

/** A time, in milliseconds, of a second that no restore before this one on this machine has had. */
async function ownSecond(): Promise<number> {
  await sleep(APART_MS);
  return Date.now();
}

/** What the operator is told of it. */
export function tellSafety(safety: Safety): string[] {
  const { incarnation, conversations, sessions, prekeys } = safety;
  return [
    `incarnation ${incarnation}`,
    `${conversations} conversations go on above all places that they may have taken`,
    ...(prekeys === undefined ? [] : [`${prekeys} one-time prekeys deleted; devices bring others`]),
    `${sessions} sessions ended; devices that sign their log-ins open others`,
    'the key log says that the platform was restored',
  ];
}

/** A platform that runs would go on from what it remembers. Throws when a service is connected. */
export async function requireNobody(pool: {
  query(text: string): Promise<{ rows: { others?: number }[] }>;
}): Promise<void> {
  const { rows } = await pool.query(`
    select count(*)::int as others from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
      and backend_type = 'client backend' and usename in (
        select current_user union select pg_get_userbyid(nspowner) from pg_namespace
        where nspname in ('auth', 'key', 'message', 'file'))`);
  const others = rows[0]?.others ?? 0;
  if (others > 0) {
    throw new Error(`stop the platform first: ${others} connections to its database are open`);
  }
}
