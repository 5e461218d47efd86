/**
 * A file of 100 MiB goes from phone to phone, and nobody on the way holds it: neither the gateway nor the file service nor
 * a client, whose heap is capped far below it. Twenty at once are measured by `npm run bench -- files`.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Correspondence, openCorrespondence } from './correspondence.ts';

const MIB = 1024 * 1024;

/** What the issue allows gateway and file service each. */
const GROWTH_MIB_MAX = 32;

let people: Correspondence;

beforeAll(async () => {
  people = await openCorrespondence();
}, 120_000);
afterAll(() => people?.close());

test('100 MiB go up and down while gateway and file service grow by less than 32 MiB each', async () => {
  // Code gets compiled and connections opened, by files that fill no part.
  for (const warmUp of await people.make({ count: 10, size: MIB })) {
    await people.send([warmUp]);
    await people.fetch([warmUp]);
  }
  const files = await people.make({ count: 1, size: 100 * MIB });
  for (const { gatewayMiB, fileMiB } of [await people.send(files), await people.fetch(files)]) {
    expect(gatewayMiB).toBeLessThan(GROWTH_MIB_MAX);
    expect(fileMiB).toBeLessThan(GROWTH_MIB_MAX);
  }
}, 240_000);
