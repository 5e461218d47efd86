/**
 * Work on keys that need not hold up its thread. All functions of this package are synchronous, and ask a provider; where
 * curves are computed elsewhere (WebCrypto in browsers, at a tenth of noble's time), the same functions run over results
 * that come from there.
 *
 * Such functions are pure but for their random bytes. So a run that asks for a result that is not there yet is given up, and
 * done again once it is: with the same random bytes it asks for the same results in the same order. What it costs is the
 * rest of the work, repeated for each of them; agreements are a hundred times as dear.
 */
import type { Elsewhere, Provider } from './provider.ts';

/** Runs work that asks the provider it is given, and nothing else that changes. Rejects as the work throws. */
export type KeyWork = <T>(work: (provider: Provider) => T) => Promise<T>;

/**
 * How work on keys is done best with a provider. Where there is nowhere else it is done at once, before the call returns:
 * whoever has much of it must rest in between.
 */
export async function openKeyWork(provider: Provider): Promise<KeyWork> {
  const elsewhere = await provider.elsewhere?.();
  if (elsewhere === undefined) return async (work) => work(provider);
  return (work) => repeat(provider, elsewhere, work);
}

/** A result that has come, or why there is none. */
type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** What every run of one work is given alike, in order. */
interface Given {
  readonly outcomes: Outcome[];
  readonly random: Uint8Array[];
}

/** Ends a run. No error of the protocol's, so none of its functions catches it. */
class Wanting extends Error {
  readonly result: Promise<unknown>;

  constructor(result: Promise<unknown>) {
    super('a result is on its way');
    this.result = result;
  }
}

async function repeat<T>(
  provider: Provider,
  elsewhere: Elsewhere,
  work: (provider: Provider) => T,
): Promise<T> {
  const given: Given = { outcomes: [], random: [] };
  for (;;) {
    try {
      return work(replayed(provider, elsewhere, given));
    } catch (error) {
      if (!(error instanceof Wanting)) throw error;
      given.outcomes.push(await outcomeOf(error.result));
    }
  }
}

function outcomeOf(result: Promise<unknown>): Promise<Outcome> {
  return result.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}

/** A provider for one run: gives what was given before, and asks for what comes behind that. */
function replayed(provider: Provider, elsewhere: Elsewhere, { outcomes, random }: Given): Provider {
  let asked = 0;
  let drawn = 0;
  const result = <T>(begin: () => Promise<T>): T => {
    const outcome = outcomes[asked++];
    if (outcome === undefined) throw new Wanting(begin());
    if ('error' in outcome) throw outcome.error;
    return outcome.value as T;
  };
  return {
    ...provider,
    randomBytes(length) {
      random[drawn] ??= provider.randomBytes(length);
      return random[drawn++]!;
    },
    x25519PublicKey: (secretKey) => result(() => elsewhere.x25519PublicKey(secretKey)),
    x25519: (secretKey, publicKey) => result(() => elsewhere.x25519(secretKey, publicKey)),
    ed25519VerifyEquation: (signed) => result(() => elsewhere.ed25519VerifyEquation(signed)),
  };
}
