/** What goes over a line. */
import * as z from 'zod/mini';

const Id = z.int().check(z.minimum(1));

/** More than any method takes. */
const ARGUMENTS_MAX = 8;
const NAME_LENGTH_MAX = 64;

/** Calls and their answers, of both sides: each numbers its own. */
export const Frame = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('call'),
    id: Id,
    /** What the other side answers, or the number of a function that it gave. */
    to: z.union([z.string().check(z.maxLength(NAME_LENGTH_MAX)), Id]),
    args: z.array(z.unknown()).check(z.maxLength(ARGUMENTS_MAX)),
  }),
  z.object({ type: z.literal('done'), id: Id, value: z.optional(z.unknown()) }),
  z.object({ type: z.literal('failed'), id: Id, error: z.unknown() }),
  /** Whoever asked gives it up: it is not begun, and answered all the same. */
  z.object({ type: z.literal('cancel'), id: Id, reason: z.unknown() }),
  /** A function of a result is not called any more. */
  z.object({ type: z.literal('drop'), reference: Id }),
  /** Whether the other side still hears; answered at once. */
  z.object({ type: z.literal('ping') }),
  z.object({ type: z.literal('pong') }),
]);
export type Frame = z.infer<typeof Frame>;
export type FrameOf<T extends Frame['type']> = Extract<Frame, { type: T }>;
