/** Which life of the platform this is: it rises when the platform is restored from a backup (DESIGN 2.9). */
import type { Clock, Database } from '@sotto/runtime';
import { INCARNATION_AGE_MS } from './limits.ts';
import type { Tables } from './schema.ts';

/** Reads the incarnation, and remembers it for a few seconds. */
export type Incarnation = () => Promise<number>;

/** Remembers nothing yet. */
export function createIncarnation(
  { query }: Pick<Database<Tables>, 'query'>,
  clock: Clock,
): Incarnation {
  let known: { value: number; at: number } | undefined;
  return async () => {
    if (known !== undefined && clock() - known.at < INCARNATION_AGE_MS) return known.value;
    const row = await query.selectFrom('platform').select('incarnation').executeTakeFirstOrThrow();
    known = { value: row.incarnation, at: clock() };
    return row.incarnation;
  };
}
