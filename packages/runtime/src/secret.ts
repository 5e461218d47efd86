/** Comparing secrets without telling how much of them was right. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** True when both texts are equal. Digests are compared, so that neither content nor length shows in the time taken. */
export function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}
