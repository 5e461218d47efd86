/**
 * Fields that no schema knows, which an API server drops with a warning at best: `kubernetes-models` validates what is
 * there and lets the rest pass, but its types name every field. So each object goes through the compiler as a literal.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Fault, fault, type Manifest } from './manifest.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Below it, so that the compiler finds the package's types. */
const NEAR_TYPES = join(root, 'node_modules', '.kubernetes-check-');

/** What the compiler refuses of objects, one line each. Throws when it cannot run. */
export function unknownFieldFaults(manifests: readonly Manifest[]): Fault[] {
  const directory = mkdtempSync(NEAR_TYPES);
  try {
    const source = join(directory, 'manifests.ts');
    const text = manifests.map(literal).join('');
    writeFileSync(source, text);
    const { stdout, stderr, status } = compile(source);
    const faults = readFaults(stdout, text.split('\n'), manifests);
    if (status !== 0 && faults.length === 0) throw new Error(`tsc: ${stdout}${stderr}`);
    return faults;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function compile(source: string) {
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'esnext', '--types', ''];
  const modules = ['--ignoreConfig', '--module', 'nodenext', '--moduleResolution', 'nodenext'];
  return spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), ...options, ...modules, source],
    { encoding: 'utf8', cwd: root },
  );
}

/** The object as a constant of its own type, in many lines. */
function literal({ object }: Manifest, index: number): string {
  const { apiVersion, kind } = object;
  return (
    `import type { I${kind} as T${index} } from 'kubernetes-models/${apiVersion}/${kind}';\n` +
    `export const object${index}: T${index} = ${JSON.stringify(object, null, 1)};\n`
  );
}

function readFaults(
  output: string,
  lines: readonly string[],
  manifests: readonly Manifest[],
): Fault[] {
  return output.split('\n').flatMap((line) => {
    const [, at, what = ''] = /manifests\.ts\((\d+),\d+\): error \S+ (.*)/.exec(line) ?? [];
    if (at === undefined) return [];
    const begun = lines.slice(0, Number(at)).findLast((one) => one.startsWith('export const'));
    const manifest = manifests[Number(/object(\d+)/.exec(begun ?? '')?.[1])];
    return manifest === undefined ? [] : [fault(manifest, what)];
  });
}
