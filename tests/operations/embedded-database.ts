/** The database of an `npm start`, asked as its administrator. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

/** A connection to that of a platform that runs on a data directory. End it. */
export async function connectEmbedded(dataDirectory: string): Promise<pg.Client> {
  const cluster = join(dataDirectory, 'postgres', 'data');
  const port = Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[3]);
  const password = readFileSync(join(dataDirectory, 'secrets', 'postgres'), 'utf8').trim();
  const place = { host: '127.0.0.1', port, user: 'postgres', password, database: 'sotto' };
  const client = new pg.Client(place);
  await client.connect();
  return client;
}
