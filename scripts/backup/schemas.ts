/** The schemas of a platform that is being restored. Names come from a backup's header, which holds them to a pattern. */
import type pg from 'pg';
import type { Header, SchemaName } from './records.ts';

/** Drops all that is in a schema, or makes it. The schema itself stays, and whose it is. */
export async function clearSchema(client: pg.Client, schema: SchemaName): Promise<void> {
  const { rows } = await client.query('select from pg_namespace where nspname = $1', [schema]);
  if (rows.length === 0) {
    await client.query(`create schema "${schema}"`);
    return;
  }
  const tables = await client.query<{ name: string }>(
    `select format('%I.%I', $1::text, relname) as name from pg_class
    where relnamespace = $1::regnamespace and relkind in ('r', 'p') and not relispartition`,
    [schema],
  );
  for (const { name } of tables.rows) await client.query(`drop table ${name} cascade`);
  const functions = await client.query<{ name: string }>(
    'select oid::regprocedure::text as name from pg_proc where pronamespace = $1::regnamespace',
    [schema],
  );
  for (const { name } of functions.rows) await client.query(`drop function ${name} cascade`);
}

/** Works as the role that owns a schema, with that schema as the one that is seen. To be called in a transaction. */
export async function inSchema<Result>(
  client: pg.Client,
  schema: SchemaName,
  work: () => Promise<Result>,
): Promise<Result> {
  const { rows } = await client.query<{ owner: string; me: string }>(
    `select quote_ident(pg_get_userbyid(nspowner)) as owner, quote_ident(current_user) as me
    from pg_namespace where nspname = $1`,
    [schema],
  );
  const { owner, me } = rows[0] ?? {};
  if (owner === undefined) throw new Error(`there is no schema ${schema}`);
  // What is made belongs to the service then, and not to the administrator who restores.
  if (owner !== me) await client.query(`set local role ${owner}`);
  await client.query(`set local search_path = "${schema}"`);
  const result = await work();
  await client.query('set local search_path = default');
  if (owner !== me) await client.query('reset role');
  return result;
}

type Partition = Header['schemas'][SchemaName]['partitions'][number];

/** Makes one stretch of a table, guarded as the table is: triggers against truncation are not handed down. */
export async function makePartition(
  client: pg.Client,
  schema: SchemaName,
  { name, parent, bound }: Partition,
): Promise<void> {
  await client.query(
    `create table "${schema}"."${name}" partition of "${schema}"."${parent}" ${bound}`,
  );
  const { rows } = await client.query<{ name: string; call: string }>(
    `select quote_ident(tgname) as name, tgfoid::regproc::text as call from pg_trigger
    where tgrelid = $1::regclass and not tgisinternal and tgtype & ${TRUNCATE} <> 0`,
    [`${schema}.${parent}`],
  );
  for (const trigger of rows) {
    await client.query(`create trigger ${trigger.name} before truncate on "${schema}"."${name}"
      for each statement execute function ${trigger.call}()`);
  }
}

/** TRIGGER_TYPE_TRUNCATE of PostgreSQL's pg_trigger.h. */
const TRUNCATE = 32;

type Sequence = Header['schemas'][SchemaName]['sequences'][number];

/** Lets a column count on behind what it had given out. */
export async function raiseSequence(
  client: pg.Client,
  schema: SchemaName,
  { table, column, value }: Sequence,
): Promise<void> {
  if (value === '0') return;
  await client.query('select setval(pg_get_serial_sequence($1, $2), $3::bigint)', [
    `"${schema}"."${table}"`,
    column,
    value,
  ]);
}
