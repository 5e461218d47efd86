/** How a page asks its worker for a client. */
import * as z from 'zod/mini';

const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

/** Comes with the port that everything else goes over; what else a page says to its worker is its own. */
export const Greeting = z.object({
  type: z.literal('sotto-client'),
  port: z.custom<MessagePort>((value) => value instanceof MessagePort),
});
export type Greeting = z.infer<typeof Greeting>;

/** Which client. */
export const Opening = z.object({
  url: z.string(),
  /** Of the IndexedDB store. */
  name: z.string().check(z.minLength(1)),
  /** What opens an encrypted store, or makes one; left out for one in the clear. */
  secret: z.optional(z.union([z.object({ passphrase: z.string() }), z.object({ key: Bytes })])),
  /** As for `createClient`. */
  witnesses: z.optional(z.array(Bytes)),
  proofs: z.optional(z.boolean()),
});
export type Opening = z.infer<typeof Opening>;
