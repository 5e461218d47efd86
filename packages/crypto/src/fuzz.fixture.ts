/** Hostile bytes for decoders: valid encodings with damage, and noise. */
import fc from 'fast-check';
import { concat, equal } from './bytes.ts';
import { CryptoError } from './errors.ts';
import { runs } from './providers.fixture.ts';

const INPUTS = 200_000;

/** A decoder, valid encodings to damage, and the way back. */
export interface Decoder {
  readonly name: string;
  readonly samples: readonly Uint8Array[];
  /** Decodes, and encodes the result. */
  readonly roundTrip: (bytes: Uint8Array) => Uint8Array;
}

/** Fails, with its seed, when a decoder throws an untyped error or takes what its encoder never wrote. */
export function checkDecoder({ samples, roundTrip }: Decoder): void {
  const property = fc.property(hostile(samples), (bytes) => {
    const again = resultOf(() => roundTrip(bytes));
    if (again instanceof Uint8Array) return equal(again, bytes);
    if (again instanceof CryptoError) return true;
    throw again;
  });
  fc.assert(property, { numRuns: runs(INPUTS) });
}

function hostile(samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
  const changed = fc.tuple(fc.constantFrom(...samples), edits).map(([sample, changes]) => {
    const bytes = sample.slice();
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    return bytes;
  });
  const cut = fc
    .tuple(changed, fc.nat())
    .map(([bytes, length]) => bytes.subarray(0, length % bytes.length));
  const extended = fc
    .tuple(changed, fc.uint8Array({ minLength: 1, maxLength: 3 }))
    .map(([bytes, tail]) => concat(bytes, tail));
  return fc.oneof(
    { weight: 5, arbitrary: changed },
    { weight: 2, arbitrary: cut },
    { weight: 2, arbitrary: extended },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }) },
  );
}

function resultOf(run: () => Uint8Array): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
