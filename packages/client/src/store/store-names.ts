/** What the keys of an encrypted store are called outside. */
import { encodeBase64url } from '@sotto/api';
import { blindStoreName, type Provider, type StoreKeys } from '@sotto/crypto';
import { STORE_NAMES_KEPT } from '../limits.ts';

/** The name of a key, or of the first parts of one. */
export type NameOf = (path: string) => string;

/**
 * Names part by part, so that keys with the same first parts have names with the same first parts. The name of a part
 * depends on what stands before it: one contact has other names in other places. Numbers of 16 digits stay as they are.
 */
export function createStoreNames(provider: Provider, keys: StoreKeys): NameOf {
  const known = new Map<string, string>();

  function nameOf(path: string): string {
    const found = known.get(path);
    if (found !== undefined) return found;
    const slash = path.lastIndexOf('/');
    const parent = slash < 0 ? '' : `${nameOf(path.slice(0, slash))}/`;
    const part = path.slice(slash + 1);
    if (/^\d{16}$/.test(part)) return parent + part;
    const name = parent + encodeBase64url(blindStoreName(provider, keys, path));
    if (known.size >= STORE_NAMES_KEPT) known.clear();
    known.set(path, name);
    return name;
  }

  return nameOf;
}
