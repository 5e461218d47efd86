/** The providers that a test runs over: both in Node, noble alone in a browser. */
import type { Provider } from './provider.ts';
import { nobleProvider } from './provider-noble.ts';

const inNode = globalThis.process?.versions?.node !== undefined;

/** The fastest provider there is, for tests that need many operations. */
export const fastProvider: Provider = inNode
  ? (await import('./node.ts')).nodeProvider
  : nobleProvider;

/** Every provider of this platform. */
export const providers: readonly Provider[] = inNode
  ? [nobleProvider, fastProvider]
  : [nobleProvider];

/** A provider that counts its uses, to show that something was refused before any operation. */
export function countingProvider(counted: Provider): {
  readonly provider: Provider;
  readonly count: () => number;
} {
  let uses = 0;
  const provider = new Proxy(counted, {
    get(target, name, receiver) {
      if (name !== 'name') uses += 1;
      return Reflect.get(target, name, receiver);
    },
  });
  return { provider, count: () => uses };
}

/** A provider whose random bytes follow from a text: SHA-256 of text ‖ 0x00 ‖ u32 block number. */
export function seededProvider(provider: Provider, seed: string): Provider {
  let block = 0;
  const next = () => {
    const number = new Uint8Array(4);
    new DataView(number.buffer).setUint32(0, block++);
    const text = new TextEncoder().encode(seed);
    return provider.sha256(Uint8Array.of(...text, 0, ...number));
  };
  const randomBytes = (length: number) => {
    const bytes = new Uint8Array(length);
    for (let offset = 0; offset < length; offset += 32) {
      bytes.set(next().subarray(0, Math.min(32, length - offset)), offset);
    }
    return bytes;
  };
  return { ...provider, randomBytes };
}

/**
 * How often a property is tried: ten times as often with `SLOW=1`; a fiftieth in a browser and with
 * `QUICK=1`, which mutation testing sets.
 */
export function runs(normal: number): number {
  if (!inNode || process.env.QUICK === '1') return Math.ceil(normal / 50);
  return process.env.SLOW === '1' ? normal * 10 : normal;
}
