/**
 * The format of a backup: a stream of records, written and read in one pass, whatever its length.
 *
 *     magic "SOTTOBK1"
 *     header   JSON    what was backed up, when, by which release: {@link Header}
 *     entry    JSON    one table or one blob begins: {@link Entry}
 *       data   bytes   its content, in pieces
 *       end    JSON    how many bytes those were, and their SHA-256: {@link EntryEnd}
 *     trailer  JSON    how many entries there were, and the SHA-256 of all before this record and of that: {@link sealTrailer}
 *
 * A record is a type (1 byte), a length (4 bytes, big endian) and so many bytes. Nothing follows the trailer. A table's
 * content is what `COPY … (FORMAT binary)` gave, a blob's the ciphertext, a secret's its text.
 */
import type { Hash } from 'node:crypto';
import { z } from 'zod';

/** The last character is the version: one that a reader does not know is refused. */
export const MAGIC = Buffer.from('SOTTOBK1');

/** The types of records. */
export const RECORD = { header: 1, entry: 2, data: 3, end: 4, trailer: 5 } as const;

/** A type and a length. */
export const PREFIX_BYTES = 5;

/** What a reader holds at once. A writer cuts larger pieces. */
export const RECORD_BYTES_MAX = 1024 * 1024;

/** A name that PostgreSQL takes without quotes: what a backup names ends up in statements. */
const Name = z.string().regex(/^[a-z_][a-z0-9_]{0,62}$/);

/** `FOR VALUES FROM ('2026-11-16 00:00:00+00') TO ('…')`, as the catalogue says it. */
const Bound = z
  .string()
  .regex(/^FOR VALUES FROM \('[0-9 :+.-]{10,40}'\) TO \('[0-9 :+.-]{10,40}'\)$/);

const Partition = z.strictObject({ name: Name, parent: Name, bound: Bound });
const Sequence = z.strictObject({
  table: Name,
  column: Name,
  value: z.string().regex(/^\d{1,19}$/),
});

const Schema = z.strictObject({
  /** Names of the steps that made its tables (`packages/runtime/src/migrate.ts`). */
  migrations: z.array(z.string().regex(/^\d{4}-[a-z0-9-]+$/)),
  partitions: z.array(Partition),
  sequences: z.array(Sequence),
});

/** The services whose schemas a backup holds. */
export const SCHEMAS = ['auth', 'key', 'message', 'file'] as const;
export type SchemaName = (typeof SCHEMAS)[number];

export const Header = z.strictObject({
  /** When the snapshot was taken. */
  takenAt: z.iso.datetime(),
  /** The version of the program that wrote this. */
  release: z.string(),
  /** `server_version` of the database. */
  postgres: z.string(),
  incarnation: z.int(),
  schemas: z.strictObject({ auth: Schema, key: Schema, message: Schema, file: Schema }),
  /** Of secrets that the rows need, by variable: enough to tell whether another is the same, and no more. */
  fingerprints: z.record(z.string(), z.string()),
});
export type Header = z.infer<typeof Header>;

export const Entry = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('table'),
    schema: z.enum(SCHEMAS),
    table: Name,
    columns: z.array(Name),
  }),
  z.strictObject({ kind: z.literal('blob'), key: z.uuid() }),
  z.strictObject({ kind: z.literal('secret'), name: z.string().regex(/^[a-z-]{1,40}$/) }),
]);
export type Entry = z.infer<typeof Entry>;

export const EntryEnd = z.strictObject({
  bytes: z.int().min(0),
  sha256: z.hex(),
  /** It broke off: not to be used. Another entry may bring it whole. */
  brokenOff: z.literal(true).optional(),
});
export type EntryEnd = z.infer<typeof EntryEnd>;

export const Trailer = z.strictObject({
  entries: z.int().min(0),
  /** Files that rows name and the store had lost already. */
  missing: z.int().min(0),
  sha256: z.hex(),
});
export type Trailer = z.infer<typeof Trailer>;

/** The digest of a trailer, of the digest of all before it: nothing in an archive is left out. */
export function sealTrailer(before: Hash, counts: Omit<Trailer, 'sha256'>): string {
  return before.copy().update(`${counts.entries} ${counts.missing}`).digest('hex');
}

/** What is wrong with an archive. */
export type ArchiveFault =
  | 'not-a-backup'
  | 'newer-format'
  | 'truncated'
  | 'altered'
  | 'sealed'
  | 'wrong-passphrase';

const FAULTS: Readonly<Record<ArchiveFault, string>> = {
  'not-a-backup': 'this is no backup of the platform',
  'newer-format':
    'this backup was made by a newer release, in a format that this one does not know',
  truncated: 'the backup is cut off',
  altered: 'the backup is damaged: what it holds is not what was written',
  sealed: 'the backup is encrypted: give its passphrase',
  'wrong-passphrase': 'the passphrase is another one, or the backup is damaged',
};

/** A backup that is not to be restored. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
  readonly code: ArchiveFault;

  constructor(code: ArchiveFault, cause?: unknown) {
    super(FAULTS[code], { cause });
    this.code = code;
  }
}
