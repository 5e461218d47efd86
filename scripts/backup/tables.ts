/** What there is in a schema, as PostgreSQL's catalogue says it. */
import type pg from 'pg';
import type { Header, SchemaName } from './records.ts';
import { appliedMigrations } from './release.ts';

export interface TableOf {
  table: string;
  columns: string[];
}

/** The tables that hold rows of their own, each behind those that it refers to. Partitions are part of theirs. */
export async function listTables(client: pg.ClientBase, schema: SchemaName): Promise<TableOf[]> {
  const { rows } = await client.query<TableOf & { refers: string[] }>(
    `select relname as table,
      (select coalesce(array_agg(attname::text order by attnum), '{}') from pg_attribute
        where attrelid = pg_class.oid and attnum > 0 and not attisdropped and attgenerated = ''
      ) as columns,
      (select coalesce(array_agg(distinct target.relname::text), '{}') from pg_constraint
        join pg_class as target on target.oid = confrelid
        where conrelid = pg_class.oid and contype = 'f' and confrelid <> conrelid
      ) as refers
    from pg_class
    where relnamespace = $1::regnamespace and relkind in ('r', 'p') and not relispartition
    order by relname`,
    [schema],
  );
  const sorted: TableOf[] = [];
  const waiting = new Map(rows.map((row) => [row.table, row]));
  while (waiting.size > 0) {
    const free = [...waiting.values()].filter(
      ({ refers }) => !refers.some((name) => waiting.has(name)),
    );
    if (free.length === 0) throw new Error(`tables of ${schema} refer to each other in a circle`);
    for (const { table, columns } of free) {
      sorted.push({ table, columns });
      waiting.delete(table);
    }
  }
  return sorted;
}

/** What a schema consists of beside its rows, for a backup's header. */
export async function describeSchema(
  client: pg.ClientBase,
  schema: SchemaName,
): Promise<Header['schemas'][SchemaName]> {
  const partitions = await client.query<{ name: string; parent: string; bound: string }>(
    `select child.relname as name, parent.relname as parent,
      pg_get_expr(child.relpartbound, child.oid) as bound
    from pg_inherits
    join pg_class as child on child.oid = inhrelid
    join pg_class as parent on parent.oid = inhparent
    where parent.relnamespace = $1::regnamespace and parent.relkind = 'p'
    order by child.relname`,
    [schema],
  );
  const counted = await client.query<{ table: string; column: string; sequence: string }>(
    `select relname as table, attname as column,
      pg_get_serial_sequence(format('%I.%I', nspname, relname), attname) as sequence
    from pg_attribute
    join pg_class on pg_class.oid = attrelid
    join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = $1 and attidentity <> '' and not attisdropped and relkind in ('r', 'p')
    order by relname, attname`,
    [schema],
  );
  const sequences = [];
  for (const { table, column, sequence } of counted.rows) {
    // By name: it comes from the catalogue, quoted where it must be.
    const { rows } = await client.query<{ value: string }>(
      `select case when is_called then last_value else 0 end::text as value from ${sequence}`,
    );
    sequences.push({ table, column, value: rows[0]?.value ?? '0' });
  }
  return {
    migrations: await appliedMigrations(client, schema),
    partitions: partitions.rows,
    sequences,
  };
}
