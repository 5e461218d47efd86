/** What an image is made of, in CycloneDX 1.6: the npm packages that the lockfile names for it, and Debian's. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

type Dependencies = Readonly<Record<string, string>>;

/** As much of pnpm's lockfile as names what is installed. */
interface Lockfile {
  importers: Readonly<
    Record<string, { dependencies?: Readonly<Record<string, { version: string }>> }>
  >;
  packages: Readonly<Record<string, { resolution: { integrity?: string } }>>;
  snapshots: Readonly<
    Record<string, { dependencies?: Dependencies; optionalDependencies?: Dependencies }>
  >;
}

export interface Materials {
  /** Of the checkout, where the lockfile and what it installed are. */
  root: string;
  name: string;
  version: string;
  /** Packages of this repository, as the lockfile calls them. */
  importers: readonly string[];
  /** Folders with programs of npm that the image has beside ours, each with a manifest. */
  beside?: readonly string[];
}

interface Component {
  type: 'library' | 'application';
  'bom-ref': string;
  name: string;
  version: string;
  purl: string;
  hashes?: { alg: 'SHA-512'; content: string }[];
}

/** Debian's packages whose files an image holds: the Dockerfile writes their versions here, `NAME VERSION` a line. */
const DEBIAN_PACKAGES = '/debian-packages';

/** The document. Throws when the lockfile does not name something that is needed. */
export function billOfMaterials({ root, name, version, importers, beside = [] }: Materials) {
  const lockfile = parse(readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8')) as Lockfile;
  const components = [
    ...npmPackages(lockfile, importers, (key) => isInstalled(root, key)),
    ...beside.flatMap(programsIn),
    ...debianPackages(),
    component('application', 'generic', { name: 'node', version: process.versions.node }),
  ];
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: component('application', 'npm', { name, version }) },
    components,
  };
}

/** All that the importers need to run, once each, in the order of their names. */
function npmPackages(
  { importers, packages, snapshots }: Lockfile,
  roots: readonly string[],
  isWanted: (key: string) => boolean,
): Component[] {
  const keys = new Set<string>();
  const places = new Set(roots);
  for (const place of places) {
    for (const [name, { version }] of Object.entries(importers[place]?.dependencies ?? {})) {
      if (version.startsWith('link:')) places.add(join(place, version.slice('link:'.length)));
      else keys.add(`${name}@${version}`);
    }
  }
  for (const key of keys) {
    const { dependencies = {}, optionalDependencies = {} } = snapshots[key] ?? {};
    for (const [name, version] of Object.entries(dependencies)) keys.add(`${name}@${version}`);
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (isWanted(`${name}@${version}`)) keys.add(`${name}@${version}`);
    }
  }
  const ids = new Set([...keys].map((key) => key.replace(/\(.*/, '')));
  return [...ids].sort().map((id) => npmPackage(id, packages[id]?.resolution.integrity));
}

function npmPackage(id: string, integrity: string | undefined): Component {
  if (integrity === undefined) throw new Error(`pnpm-lock.yaml has no digest of ${id}`);
  const at = id.lastIndexOf('@');
  const library = component('library', 'npm', { name: id.slice(0, at), version: id.slice(at + 1) });
  const content = Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex');
  return { ...library, hashes: [{ alg: 'SHA-512', content }] };
}

/** As their own manifests call them, with all that they bring themselves. */
function programsIn(folder: string): Component[] {
  const manifests = globSync('*/package.json', { cwd: folder }).toSorted();
  return manifests.map((manifest) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, manifest), 'utf8'));
    return component('application', 'npm', { name, version });
  });
}

/** Packages of other platforms are in the lockfile, too. */
function isInstalled(root: string, key: string): boolean {
  const folder = key.replace(/\(.*/, '').replace('/', '+');
  return existsSync(join(root, 'node_modules/.pnpm', folder));
}

function debianPackages(): Component[] {
  if (!existsSync(DEBIAN_PACKAGES)) return [];
  const lines = readFileSync(DEBIAN_PACKAGES, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [name = '', version = ''] = line.split(' ');
    return component('library', 'deb/debian', { name, version });
  });
}

function component(
  type: Component['type'],
  kind: string,
  { name, version }: { name: string; version: string },
): Component {
  const purl = `pkg:${kind}/${name.replace('@', '%40')}@${encodeURIComponent(version)}`;
  return { type, 'bom-ref': purl, name, version, purl };
}
