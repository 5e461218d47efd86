/** Who may import whom: the table of ARCHITECTURE.md, no cycles, and no file that nobody imports. */
import { posix } from 'node:path';
import type { Fault, SourceFile } from './tidy-source.ts';

interface Import {
  from: string;
  /** As written. */
  specifier: string;
  /** The path in the tree, for a relative import. */
  target: string | undefined;
  /** Types vanish at run time, so they make no cycle. */
  typeOnly: boolean;
}

interface Row {
  /** Files that the row speaks of. */
  of: RegExp;
  /** Specifiers that they may import beside relative ones of their own package. */
  may: RegExp;
}

/** The first row that speaks of a file decides. `node:` modules are open to all but the first three. */
const TABLE: readonly Row[] = [
  { of: /^packages\/crypto\/src\/node\.ts$/, may: /^(@noble\/|node:crypto$)/ },
  { of: /^packages\/crypto\/src\//, may: /^@noble\// },
  { of: /^packages\/api\/src\//, may: /^zod\/mini$/ },
  {
    of: /^packages\/client\/src\/(store\/store-sqlite|node(-fetch)?|remote\/node-[a-z]+)\.ts$/,
    may: /^(@sotto\/(crypto(\/node)?|api)$|node:)/,
  },
  {
    of: /^packages\/client\/src\/backup\/recovery-words\.ts$/,
    may: /^(@sotto\/crypto$|@scure\/bip39)/,
  },
  {
    of: /^packages\/client\/src\/store\/store-indexeddb\.ts$/,
    may: /^(@sotto\/(crypto|api)|idb)$/,
  },
  {
    of: /^packages\/client\/src\//,
    may: /^(@sotto\/(crypto(\/(provisioning|files))?|api(\/files)?)$|zod\/mini$)/,
  },
  {
    of: /^packages\/runtime\/src\//,
    may: /^(@sotto\/api(\/internal)?$|zod$|node:|hono|@hono\/|kysely$|pg$|@nats-io\/|@aws-sdk\/|ioredis$|jose$|ws$|pino$|prom-client$|rate-limiter-flexible$|yaml$)/,
  },
  {
    of: /^services\/standalone\/src\//,
    may: /^(@sotto\/(runtime|api|auth|key|message|file|gateway)(\/|$)|zod$|pg$|@peculiar\/(x509|asn1-schema|asn1-x509)$|reflect-metadata$|node:)/,
  },
  {
    of: /^services\/[a-z]+\/src\//,
    may: /^(@sotto\/(runtime$|api(\/(internal|files))?$|crypto\/(verify|node)$)|node:|hono(\/|$)|kysely$|zod$|jose$|ws$|@node-rs\/argon2$|swagger-ui-dist$)/,
  },
  { of: /^packages\/hooks\/src\//, may: /^(@sotto\/client$|react$)/ },
  {
    of: /^apps\/terminal\/src\//,
    may: /^(@sotto\/(client|crypto|hooks)(\/|$)|node:|ink$|react$|uqr$)/,
  },
  {
    of: /^apps\/web\/src\//,
    may: /^(@sotto\/(client|crypto|hooks)(\/|$)|react(-dom\/client)?$|@tanstack\/react-virtual$|lucide-react$|uqr$|@fontsource-variable\/inter)/,
  },
  {
    of: /^tests\/[a-z-]+\.ts$/,
    may: /^(@sotto\/(client|crypto|api|standalone|runtime)(\/|$)|node:|pg$|ws$|vitest$|playwright-core$)/,
  },
  {
    of: /^tests\/(e2e|chaos|security|contract)\//,
    may: /^(@sotto\/(client|crypto|api)(\/|$)|@sotto\/standalone\/|@sotto\/runtime(\/|$)|node:|pg$|ws$|yaml$|zod$|vitest$|playwright-core$|fast-check$|@seriousme\/|ajv(-formats)?$)/,
  },
];

/** Tests of a package may use the test tools and drive the package from outside. */
const IN_TESTS =
  /^(vitest$|fast-check$|node:|pg$|ws$|zod$|hono|kysely|jose$|@sotto\/(runtime|api|crypto|client)(\/|$))/;

const isTest = (path: string): boolean =>
  /\.(test|contract|fixture)\.tsx?$|\/test\/|\/testing[a-z-]*\.ts$/.test(path);

/** Files that a person, a package's door or another tool names. */
const ENTRY =
  /(^|\/)(main|index|service)\.tsx?$|^scripts\/|^deployments\/|^tests\/|\.config\.ts$|\/(bench|examples|test-d)\/|\.d\.ts$/;

/** Doors beside `index.ts`, as the packages' manifests name them. */
const DOORS =
  /^packages\/(crypto\/src\/(verify|node|provisioning|file-stream)|api\/src\/(internal|files)|client\/src\/(backup\/backup|store\/store-(sqlite|indexeddb)|node|remote\/(remote|worker|node-client))|runtime\/src\/testing)\.ts$|^services\/standalone\/src\/(compose|embedded-postgres|free-port)\.ts$/;

/** Faults of all imports of the tree. */
export function importFaults(files: readonly SourceFile[]): Fault[] {
  const imports = files.flatMap(importsOf);
  return [...imports.flatMap(tableFault), ...cycleFaults(imports), ...orphanFaults(files, imports)];
}

function importsOf({ path, text }: SourceFile): Import[] {
  const statement =
    /^(?:import|export)\s+(?<clause>(?:type\s+)?[\w$*{][^;'"=()]*?\sfrom\s+)?'(?<specifier>[^']+)'|\bimport\('(?<late>[^']+)'\)/gm;
  return [...text.matchAll(statement)].flatMap(({ groups }) => {
    const specifier = groups?.specifier ?? groups?.late;
    if (specifier === undefined) return [];
    const target = specifier.startsWith('.')
      ? posix.join(posix.dirname(path), specifier)
      : undefined;
    return [{ from: path, specifier, target, typeOnly: /^\s*type\b/.test(groups?.clause ?? '') }];
  });
}

function tableFault({ from, specifier, target }: Import): Fault[] {
  if (target !== undefined) {
    return home(from) === home(target) || !IN_PACKAGE.test(from)
      ? []
      : [`${from}: reaches into another package by ${specifier}`];
  }
  const row = TABLE.find(({ of }) => of.test(from));
  if (row === undefined || row.may.test(specifier) || (isTest(from) && IN_TESTS.test(specifier)))
    return [];
  return [`${from}: may not import ${specifier}`];
}

const IN_PACKAGE = /^(packages|services|apps)\//;

/** The package that a file is part of. */
function home(path: string): string {
  return path
    .split('/')
    .slice(0, IN_PACKAGE.test(path) ? 2 : 1)
    .join('/');
}

function cycleFaults(imports: readonly Import[]): Fault[] {
  const edges = Map.groupBy(
    imports.filter(({ target, typeOnly }) => target !== undefined && !typeOnly),
    ({ from }) => from,
  );
  const done = new Set<string>();
  const faults: Fault[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path))
      faults.push(
        `${path}: imports itself by way of ${trail.slice(trail.indexOf(path) + 1).join(', ')}`,
      );
    if (trail.includes(path) || done.has(path)) return;
    for (const { target } of edges.get(path) ?? []) visit(target ?? '', [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return faults;
}

function orphanFaults(files: readonly SourceFile[], imports: readonly Import[]): Fault[] {
  const wanted = new Set(imports.filter(({ from }) => !isTest(from)).map(({ target }) => target));
  return files
    .filter(
      ({ path }) => !(isTest(path) || ENTRY.test(path) || DOORS.test(path) || wanted.has(path)),
    )
    .map(({ path }) => `${path}: imported by nobody`);
}
