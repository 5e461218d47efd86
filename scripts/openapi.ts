/** Writes `docs/openapi.json` from the contract; with `--check` it only says whether the file is stale. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openApiDocument } from '@sotto/api';

const target = fileURLToPath(new URL('../docs/openapi.json', import.meta.url));

/** The document as it is committed. */
export function openApiText(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version }: { version: string } = JSON.parse(manifest);
  return `${JSON.stringify(openApiDocument(version), undefined, 2)}\n`;
}

/** True when the committed document is what the contract says. */
export function openApiIsCurrent(): boolean {
  return existsSync(target) && readFileSync(target, 'utf8') === openApiText();
}

if (import.meta.main) {
  if (!process.argv.includes('--check')) writeFileSync(target, openApiText());
  else if (!openApiIsCurrent()) {
    console.error('docs/openapi.json is stale: node scripts/launch.mjs scripts/openapi.ts');
    process.exitCode = 1;
  }
}
