/** Telling whether something has changed, so that what has not stays the same object. */
import { sameBytes } from '../account/records.ts';

/** Whether two values of plain data and bytes say the same. */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!(a instanceof Object && b instanceof Object)) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return sameBytes(a, b);
  const [ours, theirs] = [Object.entries(a), new Map(Object.entries(b))];
  return (
    ours.length === theirs.size &&
    ours.every(([name, value]) => theirs.has(name) && isSameValue(value, theirs.get(name)))
  );
}

/** `after`, with what it has in common with `before` taken from there: all of it, when nothing has changed. */
export function keepSame<T>(
  before: readonly T[] | undefined,
  after: readonly T[],
  nameOf: (item: T) => string,
): readonly T[] {
  const known = new Map(before?.map((item) => [nameOf(item), item]));
  const kept = after.map((item) => {
    const there = known.get(nameOf(item));
    return there !== undefined && isSameValue(there, item) ? there : item;
  });
  const isSame =
    before?.length === kept.length && kept.every((item, index) => item === before[index]);
  return isSame ? before : kept;
}
