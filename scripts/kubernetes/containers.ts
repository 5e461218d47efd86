/** What every namespace, pod and container is held to: no privileges, bounds on what it takes, probes, time to end. */
import { SHUTDOWN_MS } from '../../packages/runtime/src/limits.ts';
import {
  type Container,
  containersOf,
  type Fault,
  fault,
  type Manifest,
  ofKind,
  type Workload,
  workloads,
} from './manifest.ts';

/** Containers that could do more than they need, or of which nobody knows whether they work. */
export function containerFaults(manifests: readonly Manifest[]): Fault[] {
  const open = ofKind(manifests, 'Namespace').filter(({ object }) => {
    return object.metadata?.labels?.[ADMISSION] !== 'restricted';
  });
  const pods = workloads(manifests).flatMap((workload) => {
    const { manifest, template } = workload;
    const begin = new Set(template.spec?.initContainers);
    return [
      ...podFaults(workload),
      ...containersOf(template).flatMap((container) => {
        const own = [
          ...privilegeFaults(container),
          ...resourceFaults(container),
          ...(begin.has(container) || !isAsked(template) ? [] : probeFaults(container)),
        ];
        return own.map((what) => `${container.name}: ${what}`);
      }),
    ].map((what) => fault(manifest, what));
  });
  return [...open.map((namespace) => fault(namespace, 'takes pods with privileges')), ...pods];
}

/** What a namespace refuses by itself. */
const ADMISSION = 'pod-security.kubernetes.io/enforce';

function podFaults({ manifest, template }: Workload): string[] {
  const { spec } = template;
  const security = spec?.securityContext;
  const faults = [
    [security?.runAsNonRoot !== true || !security.runAsUser, 'may run as root'],
    [security?.seccompProfile?.type !== 'RuntimeDefault', 'may call the whole kernel'],
    [spec?.automountServiceAccountToken !== false, 'gets a token of Kubernetes'],
    [spec?.hostNetwork || spec?.hostPID || spec?.hostIPC, 'shares something with its node'],
    [spec?.enableServiceLinks !== false, 'gets the addresses of all Services as variables'],
    [(spec?.volumes ?? []).some(({ hostPath }) => hostPath), 'mounts a folder of its node'],
  ] as const;
  return [
    ...faults.flatMap(([isSo, what]) => (isSo ? [what] : [])),
    ...(manifest.object.kind === 'Deployment' && isAsked(template) ? endFaults(template) : []),
  ];
}

/** False where nobody sends requests, which somebody would have to be kept from, or told that they are taken. */
export function isAsked(template: Workload['template']): boolean {
  return containersOf(template).some(({ ports = [] }) => ports.length > 0);
}

/** One of ours ends in order: nobody sends it anything more, then it has the time that it takes. */
function endFaults({ spec }: Workload['template']): string[] {
  const wait = Math.max(
    0,
    ...(spec?.containers ?? []).map(({ lifecycle }) => lifecycle?.preStop?.sleep?.seconds ?? 0),
  );
  const { terminationGracePeriodSeconds: all = 30 } = spec ?? {};
  return [
    ...(wait === 0 ? ['is still sent requests when it ends'] : []),
    ...(all < wait + SHUTDOWN_MS / 1000 ? ['is killed before it can have ended'] : []),
    ...((spec?.topologySpreadConstraints ?? []).length === 0 ? ['may be on one node only'] : []),
  ];
}

function privilegeFaults({ securityContext: own, image = '', ports = [] }: Container): string[] {
  const faults = [
    // What it says itself goes before what its pod says.
    [own?.runAsNonRoot === false || own?.runAsUser === 0, 'may run as root'],
    [
      (own?.seccompProfile?.type ?? 'RuntimeDefault') !== 'RuntimeDefault',
      'may call the whole kernel',
    ],
    [ports.some(({ hostPort }) => hostPort), 'listens at its node'],
    [own?.allowPrivilegeEscalation !== false, 'may gain privileges'],
    [own?.privileged === true, 'is privileged'],
    [own?.readOnlyRootFilesystem !== true, 'may write into its image'],
    [!own?.capabilities?.drop?.includes('ALL'), 'keeps capabilities'],
    [(own?.capabilities?.add ?? []).length > 0, 'adds capabilities'],
    [!/:[\w.-]+$/.test(image) || image.endsWith(':latest'), 'runs whatever image is the newest'],
  ] as const;
  return faults.flatMap(([isSo, what]) => (isSo ? [what] : []));
}

function resourceFaults({ resources }: Container): string[] {
  return (['cpu', 'memory'] as const).flatMap((name) => {
    const request = amount(resources?.requests?.[name]);
    const limit = amount(resources?.limits?.[name]);
    if (request === undefined) return [`requests no ${name}`];
    if (limit === undefined) return [`has no limit of ${name}`];
    return request > limit ? [`requests more ${name} than its limit`] : [];
  });
}

const UNITS: Readonly<Record<string, number>> = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

function amount(quantity: string | number | undefined): number | undefined {
  const [, number, unit = ''] = /^([\d.]+)([a-zA-Z]*)$/.exec(String(quantity)) ?? [];
  return number === undefined ? undefined : Number(number) * (UNITS[unit] ?? Number.NaN);
}

function probeFaults({ startupProbe, livenessProbe, readinessProbe }: Container): string[] {
  const probes = { startupProbe, livenessProbe, readinessProbe };
  return Object.entries(probes).flatMap(([name, probe]) => {
    return probe === undefined ? [`has no ${name}`] : [];
  });
}
