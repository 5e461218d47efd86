/** Whoever runs the platform is bound by nothing but what permits: no package in it asks that changes be given away. */
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { billOfMaterials } from '../../deployments/docker/bill-of-materials.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const PERMISSIVE = [
  ...['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'CC0-1.0'],
  ...['ISC', 'MIT', 'PostgreSQL', 'Unlicense', 'Zlib'],
  // Of the font: it may be used and shipped with anything.
  'OFL-1.1',
];

/** All that is not only tried here: what images, `npm start` and the two clients are made of. */
const IMPORTERS = globSync('{apps,packages,services}/*/package.json', { cwd: root }).map(dirname);

test('all that runs with people is under a licence that permits everything', () => {
  const whole = { root, name: 'sotto', version: '0.0.0', importers: IMPORTERS };
  const { components } = billOfMaterials(whole);
  const packages = components.filter(({ purl }) => purl.startsWith('pkg:npm/'));
  expect(packages.length).toBeGreaterThan(100);
  const others = packages
    .map(({ name, version }) => `${name}@${version}: ${licenceOf(name, version)}`)
    .filter((line) => !isPermissive(line.slice(line.lastIndexOf(': ') + 2)));
  expect(others).toEqual([]);
});

const store = join(root, 'node_modules/.pnpm');
const folders = readdirSync(store);

/** By what lies here of it. Packages of other platforms are told by that of this one, which is beside them. */
function licenceOf(name: string, version: string): string {
  const own = `${name.replace('/', '+')}@${version}`;
  const folder = folders.find((one) => one === own || one.startsWith(`${own}_`)) ?? own;
  const file = join(store, folder, 'node_modules', name, 'package.json');
  const { license }: { license?: string } = JSON.parse(readFileSync(file, 'utf8'));
  return license ?? 'none is named';
}

/** Of `(MIT OR GPL-3.0)` one that permits is enough; of `MIT AND CC-BY-4.0` each has to. */
function isPermissive(expression: string): boolean {
  const words = expression.replace(/[()]/g, '');
  return words
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((one) => PERMISSIVE.includes(one.trim())));
}
