/** What makes a restored database safe to run on (DESIGN 2.9): docs/restore.md says why. */
import { databaseOptions, openDatabase } from '@sotto/runtime';
import { restoreSessions } from '../../services/auth/src/restored.ts';
import type { AuthTables } from '../../services/auth/src/schema.ts';
import { restoreKeys } from '../../services/key/src/restored.ts';
import type { KeyTables } from '../../services/key/src/schema.ts';
import { beginRestore, endRestore } from '../../services/message/src/restored.ts';
import type { Tables as MessageTables } from '../../services/message/src/schema.ts';
import type { Databases } from '../../services/standalone/src/databases.ts';

/** The message service's database says how far this is: it begins first and ends last. Safe to begin again. */
export async function makeSafe(
  sections: Databases['sections'],
  { again, say }: { again: boolean; say: (line: string) => void },
): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const open = <Tables>(service: 'auth' | 'key' | 'message') => {
    const options = databaseOptions(sections[service], service);
    const database = openDatabase<Tables>({ ...options, poolMax: 1 });
    opened.defer(() => database.close());
    return database;
  };
  const message = open<MessageTables>('message');
  await requireNobody(message.pool);
  const now = Date.now();
  const incarnation = await beginRestore(message, { now, again });
  const keys = await restoreKeys(open<KeyTables>('key'), { incarnation, time: now });
  const { sessions } = await restoreSessions(open<AuthTables>('auth'));
  const { conversations } = await endRestore(message, incarnation);
  say(`incarnation ${incarnation}`);
  say(`${conversations} conversations go on above all places that they may have taken`);
  if (keys) say(`${keys.prekeys} one-time prekeys deleted; devices bring others`);
  say(`${sessions} sessions ended; devices that sign their log-ins open others`);
  say('the key log says that the platform was restored');
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
