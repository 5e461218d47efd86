/**
 * Writes the documents that are made from the contract, `docs/openapi.json` and `docs/asyncapi.json`; with `--check` it
 * only says which of them are stale.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { asyncApiDocument, openApiDocument } from '@sotto/api';

const DOCUMENTS = {
  'docs/openapi.json': openApiDocument,
  'docs/asyncapi.json': asyncApiDocument,
};

const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
const { version }: { version: string } = JSON.parse(manifest);

for (const [path, makeDocument] of Object.entries(DOCUMENTS)) {
  const target = fileURLToPath(new URL(`../${path}`, import.meta.url));
  const text = `${JSON.stringify(makeDocument(version), undefined, 2)}\n`;
  if (!process.argv.includes('--check')) writeFileSync(target, text);
  else if (!existsSync(target) || readFileSync(target, 'utf8') !== text) {
    console.error(`${path} is stale: node scripts/launch.mjs scripts/contract.ts`);
    process.exitCode = 1;
  }
}
