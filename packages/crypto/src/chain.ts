/**
 * The symmetric chain (Double Ratchet section 2.2 and KDF_CK of section 5.2): each step gives the
 * seed of one message key and a next chain key, from which the seed cannot be found again.
 */
import { type SymmetricKey, symmetricKey } from './keys.ts';
import type { Provider } from './provider.ts';

const SEED_INPUT = Uint8Array.of(0x01);
const NEXT_INPUT = Uint8Array.of(0x02);

/** A chain key and the number of the message whose seed it gives. */
export interface Chain {
  readonly key: SymmetricKey<'chain'>;
  readonly counter: number;
}

/** The seed of the chain's next message. */
export function messageSeed(provider: Provider, chain: Chain): SymmetricKey<'message-seed'> {
  return symmetricKey(provider.hmacSha256(chain.key, SEED_INPUT));
}

/** The chain after its next message. The caller has made sure that the counter may still rise. */
export function nextChain(provider: Provider, chain: Chain): Chain {
  const key = symmetricKey<'chain'>(provider.hmacSha256(chain.key, NEXT_INPUT));
  return { key, counter: chain.counter + 1 };
}

/** The seeds of all messages from the chain's counter up to, not including, `counter`. */
export function seedsUpTo(
  provider: Provider,
  chain: Chain,
  counter: number,
): { readonly seeds: readonly SymmetricKey<'message-seed'>[]; readonly chain: Chain } {
  const seeds: SymmetricKey<'message-seed'>[] = [];
  let current = chain;
  while (current.counter < counter) {
    seeds.push(messageSeed(provider, current));
    current = nextChain(provider, current);
  }
  return { seeds, chain: current };
}
