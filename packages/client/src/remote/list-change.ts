/** Values of observables as they change: of a list, only the items that are new go over a line. */
import * as z from 'zod/mini';

const Item = z.custom<object>((value) => value instanceof Object);

/** A number stands for the item that had this place before. */
const Change = z.union([
  z.object({ items: z.array(z.union([z.int().check(z.minimum(0)), Item])) }),
  z.object({ value: z.optional(z.unknown()) }),
]);

/** What makes `after` out of `before`. */
export function changeOf(before: unknown, after: unknown): unknown {
  if (!Array.isArray(before) || !Array.isArray(after)) return { value: after };
  const places = new Map<unknown, number>(before.map((item, place) => [item, place]));
  return { items: after.map((item) => places.get(item) ?? item) };
}

/** The value after a change; items that have stayed are the same objects. Throws a `TypeError` for what is no change. */
export function applyChange(before: unknown, change: unknown): unknown {
  const { data } = Change.safeParse(change);
  if (data === undefined) throw new TypeError('this is no change of a value');
  if (!('items' in data)) return data.value;
  return data.items.map((item) => {
    if (typeof item !== 'number') return item;
    if (Array.isArray(before) && item < before.length) return before[item];
    throw new TypeError('the change is one of another value');
  });
}
