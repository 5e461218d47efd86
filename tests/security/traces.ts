/** Looking for traces: whether certain bytes lie anywhere in what a platform wrote, in any usual spelling. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

/** Something that must not be found. */
export interface Needle {
  /** Told instead of the bytes when it is found. */
  name: string;
  bytes: Uint8Array;
}

/** Something that was written: a file, a row. */
export interface Trace {
  place: string;
  /** One character for each byte. */
  text: string;
}

/** Shorter needles are found by chance in random bytes. */
const NEEDLE_BYTES_MIN = 8;

/** Says where needles were found; empty when nowhere. */
export function findNeedles(needles: readonly Needle[], traces: Iterable<Trace>): string[] {
  const spellings = needles.flatMap((needle) =>
    spell(needle).map((text) => [text, needle.name] as const),
  );
  const names = new Map(spellings);
  const pattern = new RegExp([...names.keys()].map((text) => RegExp.escape(text)).join('|'), 'g');
  const found = new Set<string>();
  for (const { place, text } of traces) {
    for (const [match] of text.matchAll(pattern)) found.add(`${names.get(match)} in ${place}`);
  }
  return [...found];
}

/** The bytes themselves, as UTF-16, in hexadecimal digits, and in base64 of either alphabet at any offset. */
function spell({ name, bytes }: Needle): string[] {
  if (bytes.length < NEEDLE_BYTES_MIN) throw new RangeError(`${name} is too short to look for`);
  const buffer = Buffer.from(bytes);
  const wide = Buffer.from(buffer.toString('latin1'), 'utf16le').toString('latin1');
  const hex = buffer.toString('hex');
  return [
    buffer.toString('latin1'),
    wide,
    hex,
    hex.toUpperCase(),
    ...[0, 1, 2].flatMap((offset) => base64At(buffer, offset)),
  ];
}

/** What base64 makes of the bytes wherever they stand: whole groups of three of them. */
function base64At(buffer: Buffer, offset: number): string[] {
  const skipped = (3 - offset) % 3;
  const whole = buffer.subarray(skipped, buffer.length - ((buffer.length - skipped) % 3));
  return [whole.toString('base64'), whole.toString('base64url')];
}

/** Every file below a directory, but for the folders named. */
export function* filesBelow(directory: string, except: readonly string[] = []): Generator<Trace> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && !except.includes(entry.name)) yield* filesBelow(path, except);
    if (entry.isFile()) yield { place: path, text: readFileSync(path, 'latin1') };
  }
}

/** Every row of every table that is not the database's own; bytes come as hexadecimal digits. */
export async function rowsOf(connection: pg.ClientConfig): Promise<Trace[]> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    const traces: Trace[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ text: string }>(
        `select t::text as text from ${name} t`,
      );
      traces.push(...rows.map(({ text }) => ({ place: name, text })));
    }
    return traces;
  } finally {
    await client.end();
  }
}
