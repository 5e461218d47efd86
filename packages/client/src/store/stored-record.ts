/** Records of the store as values: how they are written, read, walked over and counted. */
import * as z from 'zod/mini';
import { ClientError } from '../errors.ts';
import { STORE_PAGE } from '../limits.ts';
import type { StoreEntry, StoreTransaction } from './store.ts';

/** A count that only rises: key ids, send counters. */
export const Counter = z.object({ next: z.int().check(z.minimum(1)) });

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Writes a record under a key. */
export function putRecord<S extends z.core.$ZodType>(
  transaction: StoreTransaction,
  key: string,
  [schema, value]: [S, z.output<S>],
): Promise<void> {
  return transaction.put(key, encodeRecord(schema, value));
}

/** A record as the bytes of a store entry. */
export function encodeRecord<S extends z.core.$ZodType>(schema: S, value: z.output<S>): Uint8Array {
  return encoder.encode(JSON.stringify(z.encode(schema, value)));
}

/** Reads a record. Throws `store.invalid` when what lies there is not one: the store is damaged. */
export async function getRecord<S extends z.core.$ZodType>(
  transaction: StoreTransaction,
  key: string,
  schema: S,
): Promise<z.output<S> | undefined> {
  const value = await transaction.get(key);
  return value === undefined ? undefined : decodeRecord(schema, value);
}

/** What bytes were decoded to, and as what. */
const decoded = new WeakMap<
  Uint8Array,
  { readonly schema: z.core.$ZodType; readonly value: unknown }
>();

/**
 * The same for what every message goes by and seldom changes: it is decoded once, as long as the store gives the same
 * bytes for it. The value is shared, and not to be changed.
 */
export async function getSharedRecord<S extends z.core.$ZodType>(
  transaction: StoreTransaction,
  key: string,
  schema: S,
): Promise<Readonly<z.output<S>> | undefined> {
  const bytes = await transaction.get(key);
  if (bytes === undefined) return undefined;
  const known = decoded.get(bytes);
  if (known?.schema === schema) return known.value as z.output<S>;
  const value = decodeRecord(schema, bytes);
  decoded.set(bytes, { schema, value });
  return value;
}

/** The record that the bytes of a store entry stand for. */
export function decodeRecord<S extends z.core.$ZodType>(schema: S, value: Uint8Array): z.output<S> {
  try {
    return z.decode(schema, JSON.parse(decoder.decode(value)));
  } catch (cause) {
    throw new ClientError('store.invalid', 'a record of the store is damaged', { cause });
  }
}

/**
 * The entries under a prefix, in ascending order, or those of them behind `start`; those that were read may be deleted
 * meanwhile.
 */
export async function* entriesUnder(
  transaction: StoreTransaction,
  prefix: string,
  start?: string,
): AsyncGenerator<StoreEntry, void> {
  for (let after = start; ; ) {
    const from = after === undefined ? {} : { after };
    const page = await transaction.list({ prefix, ...from, limit: STORE_PAGE });
    yield* page;
    after = page.at(-1)?.key;
    if (page.length < STORE_PAGE) return;
  }
}

/** Takes the next number of a counter, from 1; with `count`, that many in a row and the first of them. */
export async function takeNumber(
  transaction: StoreTransaction,
  key: string,
  count = 1,
): Promise<number> {
  const { next } = (await getRecord(transaction, key, Counter)) ?? { next: 1 };
  await putRecord(transaction, key, [Counter, { next: next + count }]);
  return next;
}
