/** Addresses as limits count them: one key for what one party can change at will. */
import { isIPv4, isIPv6 } from 'node:net';

/** An IPv4 address, or the /64 of an IPv6 address, which is one site's. What is no address counts as one of them all. */
export function limiterKey(address: string): string {
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return 'unknown';
  const groups = groupsOf(address);
  return mappedIPv4(groups) ?? `${groups.slice(0, 4).map(hex).join(':')}::/64`;
}

const GROUPS = 8;

/** The eight numbers of an IPv6 address in any of its spellings (RFC 4291, 2.2). */
function groupsOf(address: string): number[] {
  // A link-local address carries its interface.
  const [text = ''] = address.split('%');
  const [head = '', tail] = text.split('::');
  const before = numbersOf(head);
  if (tail === undefined) return before;
  const after = numbersOf(tail);
  return [...before, ...new Array(GROUPS - before.length - after.length).fill(0), ...after];
}

function numbersOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

/** A socket that listens for both families shows IPv4 callers as `::ffff:192.0.2.1`. */
function mappedIPv4(groups: readonly number[]): string | undefined {
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  return isMapped ? [high >> 8, high & 255, low >> 8, low & 255].join('.') : undefined;
}

function hex(group: number): string {
  return group.toString(16);
}
