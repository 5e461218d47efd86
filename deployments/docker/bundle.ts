/**
 * Makes what an image holds of one service: `node deployments/docker/bundle.ts SERVICE DIRECTORY`. `tools` is the image of
 * the operator's commands, in `dist/` each, with a package.json by which `npm run` finds them.
 *
 *     dist/           main.js, admin.js where the service has commands, health.js, and what they share
 *     bin/            admin, by which the commands are called
 *     assets/         the service's own files
 *     web/            of the gateway, the web client
 *     node_modules/   packages that cannot be part of a bundle
 *     package.json    name and version
 *     sbom.cdx.json   what all of it is made of
 *
 * Node strips no types below `node_modules`, where a copied workspace lies, so the image holds JavaScript.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { buildPage, PAGE_FOLDER } from '../../scripts/web/page-build.ts';
import { billOfMaterials } from './bill-of-materials.ts';
import { commandFiles, ownFiles } from './own-files.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The services that have an image. */
export const IMAGES = ['gateway', 'auth', 'key', 'message', 'file'] as const;
export type ImageName = (typeof IMAGES)[number];

/** The image beside them, and the operator's commands in it: those that need nothing of the checkout. */
const TOOLS = 'tools';
export const COMMANDS = [
  'admin',
  'backup',
  'doctor',
  'restore',
  'restored',
  'rotate-field-keys',
] as const;

/** Packages that stay beside the bundle, and which of their files are needed: native code, and files that are served. */
const KEPT: Readonly<Record<string, RegExp>> = {
  '@node-rs/argon2': /(^|\/)(package\.json|LICENSE|[^/]+\.(js|node))$/,
  'swagger-ui-dist': /(^|\/)(package\.json|LICENSE|swagger-ui-bundle\.js|swagger-ui\.css)$/,
};

/** The PostgreSQL driver asks for it and goes on without it. */
const ABSENT = ['pg-native'];

/** Packages written for `require` find it here; the names collide with nobody's. */
const REQUIRE = [
  "import { createRequire as requireOfTheBundle } from 'node:module';",
  'const require = requireOfTheBundle(import.meta.url);',
];

interface Manifest {
  name: string;
  version: string;
  dependencies?: Readonly<Record<string, string>>;
  optionalDependencies?: Readonly<Record<string, string>>;
}

/** Fills a directory. Throws when a source names a file that would not be in the image. */
export async function bundleService(service: ImageName, directory: string): Promise<void> {
  const home = join(root, 'services', service);
  const manifest = readManifest(home);
  mkdirSync(directory, { recursive: true });
  const names = await bundle(home, join(directory, 'dist'));
  if (names.includes('admin')) {
    mkdirSync(join(directory, 'bin'));
    symlinkSync('../dist/admin.js', join(directory, 'bin/admin'));
  }
  keepAssets(home, directory);
  keepPackages(home, directory);
  const importers = [`services/${service}`];
  if (service === 'gateway') {
    await buildPage();
    cpSync(PAGE_FOLDER, join(directory, 'web'), { recursive: true });
    importers.push('apps/web');
  }
  const { name, version } = manifest;
  write(join(directory, 'package.json'), { name, version, type: 'module' });
  write(join(directory, 'sbom.cdx.json'), billOfMaterials({ root, name, version, importers }));
}

/** The same with the operator's commands. */
export async function bundleCommands(directory: string): Promise<void> {
  const { name, version } = readManifest(root);
  const entryPoints = COMMANDS.map((command) => join(root, 'scripts', `${command}.ts`));
  await build({
    ...BUNDLE,
    entryPoints,
    outdir: join(directory, 'dist'),
    banner: { js: REQUIRE.join('\n') },
    plugins: [ownFiles, commandFiles(root)],
  });
  // Passwords of accounts that an operator makes are hashed by it.
  keepPackages(join(root, 'services/auth'), directory);
  // With all services' configurations comes what the gateway reads as it is loaded.
  keepAssets(join(root, 'services/gateway'), directory);
  const scripts = Object.fromEntries(
    COMMANDS.map((command) => [command, `node dist/${command}.js`]),
  );
  write(join(directory, 'package.json'), { name, version, type: 'module', scripts });
  const materials = { root, name, version, importers: ['services/standalone'], beside: BESIDE };
  write(join(directory, 'sbom.cdx.json'), billOfMaterials(materials));
}

/** Where Node's image has npm, and in some versions yarn. */
const BESIDE = ['/usr/local/lib/node_modules', '/opt'];

/** What all bundles have in common. */
const BUNDLE = {
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  // What is written as modules loses what nobody uses: a sixth of what the file service loads at its start.
  mainFields: ['module', 'main'],
  target: 'node26',
  external: [...Object.keys(KEPT), ...ABSENT],
  legalComments: 'none',
  logLevel: 'warning',
} satisfies BuildOptions;

/** Resolves to the names of what can be started. */
async function bundle(home: string, outdir: string): Promise<string[]> {
  const entryPoints = [
    { in: join(home, 'src/main.ts'), out: 'main' },
    { in: join(home, 'src/admin/main.ts'), out: 'admin' },
    { in: join(root, 'deployments/docker/health/main.ts'), out: 'health' },
    ...globSync('src/**/*-worker.ts', { cwd: home }).map((path) => ({
      in: join(home, path),
      out: basename(path, '.ts'),
    })),
  ].filter((entry) => existsSync(entry.in));
  await build({
    ...BUNDLE,
    entryPoints,
    outdir,
    // The kernel starts a file that says so with Node; nothing else is needed in the image for that.
    banner: { js: [`#!/usr/local/bin/node${nodeOption(home)}`, ...REQUIRE].join('\n') },
    plugins: [ownFiles],
  });
  const names = entryPoints.map(({ out }) => out);
  for (const name of names) chmodSync(join(outdir, `${name}.js`), 0o755);
  return names;
}

/** What a service asks of the engine lies beside its package.json. The kernel passes on one option. */
function nodeOption(home: string): string {
  const file = join(home, 'node-options');
  if (!existsSync(file)) return '';
  const option = readFileSync(file, 'utf8').trim();
  if (/\s/.test(option)) throw new Error(`${file}: an image can start with one option only`);
  return ` ${option}`;
}

function keepAssets(home: string, directory: string): void {
  const assets = join(home, 'assets');
  if (existsSync(assets)) cpSync(assets, join(directory, 'assets'), { recursive: true });
}

/** Those of a service that cannot be part of a bundle. */
function keepPackages(home: string, directory: string): void {
  for (const name of Object.keys(readManifest(home).dependencies ?? {})) {
    const files = KEPT[name];
    if (files !== undefined) keep(join(home, 'node_modules', name), { name, files, directory });
  }
}

interface Keeping {
  name: string;
  files: RegExp;
  directory: string;
}

/** Copies a package, and those of its optional ones that this platform has: native code comes as such. */
function keep(installed: string, { name, files, directory }: Keeping): void {
  const from = realpathSync(installed);
  cpSync(from, join(directory, 'node_modules', name), {
    recursive: true,
    filter: (path) => path === from || !/\.[a-z]+$|LICENSE$/.test(path) || files.test(path),
  });
  for (const optional of Object.keys(readManifest(from).optionalDependencies ?? {})) {
    // pnpm lays what a package depends on beside it.
    const beside = join(from, '../'.repeat(name.split('/').length), optional);
    if (existsSync(beside)) keep(beside, { name: optional, files, directory });
  }
}

function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
}

function write(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

if (import.meta.main) {
  const [service, directory] = process.argv.slice(2);
  const name = IMAGES.find((image) => image === service);
  if (directory !== undefined && name !== undefined) await bundleService(name, directory);
  else if (directory !== undefined && service === TOOLS) await bundleCommands(directory);
  else {
    process.stderr.write(`usage: node bundle.ts ${[...IMAGES, TOOLS].join('|')} DIRECTORY\n`);
    process.exitCode = 64;
  }
}
