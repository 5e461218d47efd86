/** Writes the self-made vectors of `packages/crypto/vectors/sotto` anew. A change in them is a change of protocol. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { makeOwnVectors, ownVectors } from '../packages/crypto/src/own-vectors.fixture.ts';
import { nobleProvider } from '../packages/crypto/src/provider-noble.ts';

const folder = new URL('../packages/crypto/vectors/sotto/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const name of Object.keys(ownVectors)) {
  const vectors = makeOwnVectors(nobleProvider, name);
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(vectors, null, 2)}\n`);
}
