/** What files have left behind: in the database, and in the store. */
import type { Cluster } from '../cluster.ts';
import { withClient } from '../cluster.ts';
import { findStored } from './stored.ts';

export interface Remains {
  /** Rows of all tables of the file service that speak of files, by table; tables without any are left out. */
  rows: Record<string, number>;
  objects: number;
  /** Uploads that nobody ended. */
  unfinished: number;
}

export const NOTHING: Remains = { rows: {}, objects: 0, unfinished: 0 };

export function isNothing({ rows, objects, unfinished }: Remains): boolean {
  return Object.keys(rows).length + objects + unfinished === 0;
}

/** Tables that hold no file: what its migrations noted, who is no more, which platform it is, what a user has brought on a day, who is where. */
const OTHER_TABLES =
  /^(migration|kysely_|erased_owners$|usage_days$|members$|conversations$|rounds$|platform$)/;

/** Everything that is there now. */
export async function findRemains({ environment }: Pick<Cluster, 'environment'>): Promise<Remains> {
  const [rows, { keys, unfinished }] = await Promise.all([
    countRows(environment.DATABASE_URL ?? ''),
    findStored(environment),
  ]);
  return { rows, objects: keys.length, unfinished };
}

async function countRows(database: string): Promise<Record<string, number>> {
  const rows: Record<string, number> = {};
  await withClient(database, async (client) => {
    const tables = await client.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'file'`,
    );
    for (const { name } of tables.rows.filter((table) => !OTHER_TABLES.test(table.name))) {
      // What a user holds stays as a row, with nothing in it.
      const where = name === 'usage' ? 'where bytes <> 0' : '';
      const counted = await client.query<{ count: string }>(
        `select count(*) from file."${name}" ${where}`,
      );
      if (counted.rows[0]?.count !== '0') rows[name] = Number(counted.rows[0]?.count);
    }
  });
  return rows;
}
