/** What there are several of: somebody makes more of it, and neither an upgrade of nodes nor the loss of one takes all. */
import { isAsked } from './containers.ts';
import { type Fault, fault, type Manifest, ofKind, selects, workloads } from './manifest.ts';

/** Deployments that nobody scales, and what may be gone all at once. */
export function redundancyFaults(manifests: readonly Manifest[]): Fault[] {
  const scaled = ofKind(manifests, 'HorizontalPodAutoscaler').map(
    ({ object }) => object.spec?.scaleTargetRef?.name,
  );
  const budgets = ofKind(manifests, 'PodDisruptionBudget');
  return workloads(manifests).flatMap(({ manifest, template }) => {
    const { object, name } = manifest;
    const isSet = object.kind === 'StatefulSet';
    const isSeveral = isSet ? (object.spec?.replicas ?? 1) > 1 : isAsked(template);
    if (!isSeveral) return [];
    const labels = template.metadata?.labels;
    const isKept = budgets.some((one) => selects(one.object.spec?.selector ?? {}, labels));
    const apart = template.spec?.affinity?.podAntiAffinity;
    const isApart = (apart?.requiredDuringSchedulingIgnoredDuringExecution ?? []).length > 0;
    return [
      ...(isSet || scaled.includes(name) ? [] : ['nobody makes more of it']),
      ...(isKept ? [] : ['all of it may be taken away at once']),
      // Deployments are spread: containers.ts.
      ...(!isSet || isApart ? [] : ['may be on one node only']),
    ].map((what) => fault(manifest, what));
  });
}
