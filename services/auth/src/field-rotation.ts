/**
 * Sealing all columns anew with the key that seals now, so that an older one can be thrown away.
 *
 * Rows go in batches by their ids, each in a transaction of its own, and what is current already is left alone: it may
 * be broken off and started again at any time, beside a platform that runs. Processes that do not have the new key yet
 * could not read what is sealed with it, so they are started with it first, in front of the old one.
 */
import type { SealedFields } from '@sotto/runtime';
import { sql } from 'kysely';
import { FIELD_ROTATION_ROWS } from './limits.ts';
import { SEALED_COLUMNS, type SealedColumn } from './sealed-columns.ts';
import type { Query } from './store.ts';

/** Rows of one column that were looked at, and those that were sealed anew. */
export interface Rotated {
  column: string;
  seen: number;
  sealed: number;
}

/** Rotates column by column. Throws, with the rows until then done, when a value opens with none of the keys. */
export async function rotateFieldKeys(
  query: Query,
  fields: SealedFields,
  onProgress: (rotated: Rotated) => void = () => undefined,
): Promise<Rotated[]> {
  const all: Rotated[] = [];
  for (const place of SEALED_COLUMNS) {
    const rotated = { column: `${place.table}.${place.column}`, seen: 0, sealed: 0 };
    let after: string | undefined = NIL;
    while (after !== undefined) {
      const batch: Batch = await rotateBatch(query, fields, { place, after });
      rotated.seen += batch.seen;
      rotated.sealed += batch.sealed;
      after = batch.last;
      onProgress(rotated);
    }
    all.push(rotated);
  }
  return all;
}

const NIL = '00000000-0000-0000-0000-000000000000';

interface Batch {
  seen: number;
  sealed: number;
  /** The last id; undefined when there are no more rows. */
  last: string | undefined;
}

interface Row {
  id: string;
  value: Uint8Array;
}

function rotateBatch(
  query: Query,
  fields: SealedFields,
  { place: { table, column }, after }: { place: SealedColumn; after: string },
): Promise<Batch> {
  const names = { table: sql.table(table), column: sql.ref(column) };
  const name = `${table}.${column}`;
  return query.transaction().execute(async (transaction) => {
    // Locked: what somebody else is writing is not written over with what was there before.
    const { rows } = await sql<Row>`
      select id, ${names.column} as value from ${names.table}
      where ${names.column} is not null and id > ${after}::uuid
      order by id limit ${FIELD_ROTATION_ROWS} for no key update
    `.execute(transaction);
    const old = rows.filter(({ value }) => !fields.isCurrent(value));
    for (const { id, value } of old) {
      const place = { column: name, row: id };
      const sealed = fields.seal(place, fields.open(place, value));
      await sql`
        update ${names.table} set ${names.column} = ${sealed}
        where id = ${id} and ${names.column} is not null
      `.execute(transaction);
    }
    const last = rows.length < FIELD_ROTATION_ROWS ? undefined : rows.at(-1)?.id;
    return { seen: rows.length, sealed: old.length, last };
  });
}
