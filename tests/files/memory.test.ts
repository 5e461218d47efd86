/**
 * A file of 100 MiB goes from phone to phone, and nobody on the way holds it: neither the gateway nor the file service nor
 * a client, whose heap is capped far below it. Twenty at once are measured by `npm run bench -- files`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Correspondence, openCorrespondence } from './correspondence.ts';

const MIB = 1024 * 1024;

/** What the issue allows gateway and file service each. */
const GROWTH_MIB_MAX = 32;

const directory = mkdtempSync(join(tmpdir(), 'sotto-blobs-'));

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe.each([
  ['an S3 server', {}],
  ['a directory', { S3_ENDPOINT: '', FILE_DIRECTORY: directory }],
])('over %s', (_, environment: Readonly<Record<string, string>>) => {
  let people: Correspondence;

  beforeAll(async () => {
    people = await openCorrespondence(environment);
  }, 120_000);
  afterAll(() => people?.close());

  test('100 MiB go up and down while gateway and file service grow by less than 32 MiB each', async () => {
    // Code gets compiled and connections opened, by files that fill no part.
    for (const warmUp of await people.make({ count: 10, size: MIB })) {
      await people.send([warmUp]);
      await people.fetch([warmUp]);
    }
    const files = await people.make({ count: 1, size: 100 * MIB });
    for (const grown of [await people.send(files), await people.fetch(files)]) {
      expect(grown.gatewayMiB).toBeLessThan(GROWTH_MIB_MAX);
      expect(grown.fileMiB).toBeLessThan(GROWTH_MIB_MAX);
    }
  }, 240_000);
});
