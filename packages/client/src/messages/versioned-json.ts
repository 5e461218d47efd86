/**
 * What is said inside an envelope: JSON with a version for each type, so that an old client can tell a message that it
 * is too old for from one that is broken.
 */
import * as z from 'zod/mini';
import { ClientError } from '../errors.ts';

const Versioned = z.object({ v: z.int().check(z.minimum(1)), type: z.string() });

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Values of a schema as bytes, and back. */
export interface VersionedJson<T> {
  /** Throws `content.invalid` for what the schema does not allow. */
  encode(value: T): Uint8Array;
  /** Undefined for what a newer release says. Throws `content.invalid` for anything that no release would send. */
  decode(bytes: Uint8Array): T | undefined;
}

/** The codec of a union; `versions` has the newest version of each of its types. */
export function versionedJson<T extends { readonly type: string }>(
  schema: z.core.$ZodType<T>,
  versions: ReadonlyMap<string, number>,
): VersionedJson<T> {
  return {
    encode(value) {
      const encoded = z.safeEncode(schema, value);
      const v = versions.get(value.type);
      if (!encoded.success || v === undefined) throw invalid();
      return encoder.encode(JSON.stringify({ v, ...(encoded.data as object) }));
    },
    decode(bytes) {
      const json = parse(bytes);
      const versioned = Versioned.safeParse(json);
      if (!versioned.success) throw invalid();
      const { v, type } = versioned.data;
      if (v > (versions.get(type) ?? 0)) return undefined;
      const { v: _, ...rest } = json as Record<string, unknown>;
      const decoded = z.safeDecode(schema, rest as z.input<typeof schema>);
      if (!decoded.success) throw invalid();
      return decoded.data;
    },
  };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    throw invalid();
  }
}

/** Without a cause: those of JSON and of schemas quote the plaintext, and errors end up in logs. */
function invalid(): ClientError {
  return new ClientError('content.invalid', 'not what a message may say');
}
