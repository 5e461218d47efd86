/** The rules of migrations (docs/operations/upgrade.md), held against the steps of all services. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { SCHEMAS } from './records.ts';
import { MIGRATIONS } from './release.ts';

/** Steps from before the first release, which no other release stands beside. */
const BEFORE_THE_FIRST_RELEASE = 23;

/** What takes away something that the release before still asks for. */
const TAKES_AWAY =
  /\b(drop (table|column)|rename (to|column)|alter column \w+ (type|set not null)|dropColumn|dropTable|renameColumn|renameTo)\b/i;

describe.each(SCHEMAS)('the migrations of %s', (schema) => {
  const names = Object.keys(MIGRATIONS[schema]);
  const folder = fileURLToPath(new URL(`../../services/${schema}/src/migrations`, import.meta.url));

  test('run in the order of their names, one file each', () => {
    expect(names).toEqual([...names].sort());
    const files = readdirSync(folder).map((file) => file.replace(/\.ts$/, ''));
    expect(files.filter((file) => file !== 'index').sort()).toEqual(names);
    expect(new Set(names.map((name) => name.slice(0, 4))).size).toBe(names.length);
  });

  test('take nothing away unless their name says so', () => {
    for (const name of names) {
      if (Number(name.slice(0, 4)) <= BEFORE_THE_FIRST_RELEASE || name.endsWith('-contract'))
        continue;
      expect(readFileSync(`${folder}/${name}.ts`, 'utf8'), name).not.toMatch(TAKES_AWAY);
    }
  });
});
