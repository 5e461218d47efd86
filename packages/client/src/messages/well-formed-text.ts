/** Text as messages carry it. */
import * as z from 'zod/mini';

/** Text without half characters, which UTF-8 would silently change. */
export const WellFormedText = z
  .string()
  .check(z.refine((text) => text.isWellFormed(), 'half a character'));
