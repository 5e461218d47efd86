/**
 * Checks what `kubectl apply -f deployments/k8s/` would send, with no cluster at hand:
 *
 *     node scripts/kubernetes-check.ts [DIRECTORY]
 *
 * One line for each fault, and exit code 1 when there are any. What it cannot know is whether images exist and whether a
 * cluster has the storage, the network and the nodes that are asked for.
 */
import { fileURLToPath } from 'node:url';
import { containerFaults } from './kubernetes/containers.ts';
import {
  type Fault,
  type ManifestFile,
  parseManifests,
  readManifestFiles,
} from './kubernetes/manifest.ts';
import { policyFaults } from './kubernetes/policies.ts';
import { redundancyFaults } from './kubernetes/redundancy.ts';
import { referenceFaults } from './kubernetes/references.ts';
import { unknownFieldFaults } from './kubernetes/unknown-fields.ts';

/** The manifests of the repository. */
export const MANIFESTS = fileURLToPath(new URL('../deployments/k8s', import.meta.url));

/** Everything that is wrong with manifests. */
export function checkManifests(files: readonly ManifestFile[]): Fault[] {
  const { manifests } = parseManifests(files);
  return [...faultsBesideFields(files), ...unknownFieldFaults(manifests)];
}

/** The same but for fields that no schema knows, which take the compiler a second. */
export function faultsBesideFields(files: readonly ManifestFile[]): Fault[] {
  const { manifests, faults } = parseManifests(files);
  return [
    ...faults,
    ...referenceFaults(manifests),
    ...containerFaults(manifests),
    ...policyFaults(manifests),
    ...redundancyFaults(manifests),
  ];
}

if (import.meta.main) {
  const files = readManifestFiles(process.argv[2] ?? MANIFESTS);
  const faults = checkManifests(files);
  for (const fault of faults) console.log(fault);
  console.log(`${files.length} files, ${faults.length} faults`);
  process.exitCode = faults.length > 0 || files.length === 0 ? 1 : 0;
}
