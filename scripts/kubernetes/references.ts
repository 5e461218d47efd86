/** What objects say of each other: everything that is named is there, and made before it is needed. */
import {
  type Container,
  containersOf,
  type Fault,
  fault,
  type Kind,
  type Manifest,
  ofKind,
  selects,
  type Workload,
  workloads,
} from './manifest.ts';

/** Names that point at nothing, selectors that select nothing, objects sent before their namespace, or twice. */
export function referenceFaults(manifests: readonly Manifest[]): Fault[] {
  return [
    ...orderFaults(manifests),
    ...workloads(manifests).flatMap((workload) => workloadFaults(workload, manifests)),
    ...serviceFaults(manifests),
    ...ingressFaults(manifests),
    ...autoscalerFaults(manifests),
    ...ofKind(manifests, 'PodDisruptionBudget').flatMap((budget) => {
      const { selector = {}, minAvailable, maxUnavailable } = budget.object.spec ?? {};
      return [
        ...(isAnySelected(selector, manifests) ? [] : [fault(budget, 'selects no pod')]),
        ...((minAvailable === undefined) !== (maxUnavailable === undefined)
          ? []
          : [fault(budget, 'wants either minAvailable or maxUnavailable')]),
      ];
    }),
  ];
}

/** An object in a namespace that does not exist yet is refused, and nobody tries again. */
function orderFaults(manifests: readonly Manifest[]): Fault[] {
  const made = new Set<string>();
  const seen = new Set<string>();
  return manifests.flatMap((manifest) => {
    const { object, name } = manifest;
    const faults: Fault[] = [];
    const id = `${object.kind}/${object.metadata?.namespace}/${name}`;
    if (seen.has(id)) faults.push(fault(manifest, 'is defined twice'));
    seen.add(id);
    if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
      faults.push(fault(manifest, 'is no name for DNS'));
    if (object.kind === 'Namespace') made.add(name);
    else if (!made.has(object.metadata?.namespace ?? 'default')) {
      faults.push(fault(manifest, 'comes before its namespace'));
    }
    return faults;
  });
}

function find<K extends Kind>(manifests: readonly Manifest[], kind: K, name: string | undefined) {
  return ofKind(manifests, kind).find((one) => one.name === name);
}

function workloadFaults({ manifest, template }: Workload, manifests: readonly Manifest[]): Fault[] {
  const { object } = manifest;
  const faults: string[] = [];
  if (!selects(object.spec?.selector ?? {}, template.metadata?.labels)) {
    faults.push('its selector does not take its own pods');
  }
  const account = template.spec?.serviceAccountName;
  if (find(manifests, 'ServiceAccount', account) === undefined) {
    faults.push(`there is no ServiceAccount ${account}`);
  }
  if (object.kind === 'StatefulSet') {
    const { serviceName } = object.spec ?? {};
    const governing = find(manifests, 'Service', serviceName);
    if (governing?.object.spec?.clusterIP !== 'None') {
      faults.push(`serviceName ${serviceName} is no headless Service`);
    }
  }
  faults.push(...volumeFaults({ manifest, template }, manifests));
  for (const container of containersOf(template)) {
    faults.push(...variableFaults(container, manifests), ...portFaults(container));
  }
  return faults.map((what) => fault(manifest, what));
}

/** Volumes by name, and the ConfigMaps and Secrets behind them with their keys. */
function volumeFaults({ manifest, template }: Workload, manifests: readonly Manifest[]): string[] {
  const volumes = template.spec?.volumes ?? [];
  const { object } = manifest;
  const claims = object.kind === 'StatefulSet' ? (object.spec?.volumeClaimTemplates ?? []) : [];
  const known = new Set([
    ...volumes.map(({ name }) => name),
    ...claims.map(({ metadata }) => metadata?.name),
  ]);
  const mounted = containersOf(template).flatMap(({ volumeMounts = [] }) => volumeMounts);
  const missing = mounted.filter(({ name }) => !known.has(name));
  const unused = [...known].filter((name) => !mounted.some((mount) => mount.name === name));
  return [
    ...missing.map(({ name }) => `there is no volume ${name}`),
    ...unused.map((name) => `nobody mounts the volume ${name}`),
    ...volumes.flatMap((volume) => sourceFaults(volume, manifests)),
  ];
}

type Volume = NonNullable<NonNullable<Workload['template']['spec']>['volumes']>[number];

function sourceFaults(
  { configMap, secret, projected, persistentVolumeClaim }: Volume,
  manifests: readonly Manifest[],
): string[] {
  const sources = [
    { configMap, secret: secret && { ...secret, name: secret.secretName } },
    ...(projected?.sources ?? []),
  ];
  const claim = persistentVolumeClaim?.claimName;
  return [
    ...(claim === undefined || find(manifests, 'PersistentVolumeClaim', claim) !== undefined
      ? []
      : [`the PersistentVolumeClaim ${claim} is nowhere`]),
    ...sources.flatMap((one) => [
      ...keysFaults('ConfigMap', one.configMap, manifests),
      ...keysFaults('Secret', one.secret, manifests),
    ]),
  ];
}

interface Source {
  name?: string | undefined;
  optional?: boolean;
  items?: readonly { key: string }[];
}

/** What is optional may be made by hand. */
function keysFaults(
  kind: 'ConfigMap' | 'Secret',
  source: Source | undefined,
  manifests: readonly Manifest[],
): string[] {
  if (source === undefined || source.optional) return [];
  const keys = keysOf(kind, source.name, manifests);
  if (keys === undefined) return [`there is no ${kind} ${source.name}`];
  return (source.items ?? [])
    .filter(({ key }) => !keys.has(key))
    .map(({ key }) => `there is no key ${key} in the ${kind} ${source.name}`);
}

function keysOf(
  kind: 'ConfigMap' | 'Secret',
  name: string | undefined,
  manifests: readonly Manifest[],
): ReadonlySet<string> | undefined {
  const object = find(manifests, kind, name)?.object;
  if (object === undefined) return undefined;
  const text = object.kind === 'Secret' ? object.stringData : object.binaryData;
  return new Set(Object.keys({ ...object.data, ...text }));
}

function variableFaults({ env = [], envFrom = [] }: Container, manifests: readonly Manifest[]) {
  const names = env.map(({ name }) => name);
  const asSource = (one: { name?: string; key: string; optional?: boolean } | undefined) =>
    one && { ...one, items: [one] };
  return [
    ...twice(names).map((name) => `the variable ${name} is set twice`),
    ...env
      .filter(({ value, valueFrom }) => value !== undefined && valueFrom !== undefined)
      .map(({ name }) => `the variable ${name} has two values`),
    ...env.flatMap(({ valueFrom }) => [
      ...keysFaults('ConfigMap', asSource(valueFrom?.configMapKeyRef), manifests),
      ...keysFaults('Secret', asSource(valueFrom?.secretKeyRef), manifests),
    ]),
    ...envFrom.flatMap(({ configMapRef, secretRef }) => [
      ...keysFaults('ConfigMap', configMapRef, manifests),
      ...keysFaults('Secret', secretRef, manifests),
    ]),
  ];
}

/** The ports of probes are named, and named once. */
function portFaults(container: Container): string[] {
  const names = (container.ports ?? []).flatMap(({ name }) => name ?? []);
  const asked = [container.startupProbe, container.livenessProbe, container.readinessProbe].flatMap(
    (probe) => probe?.httpGet?.port ?? probe?.tcpSocket?.port ?? [],
  );
  return [
    ...twice(names).map((name) => `two ports are called ${name}`),
    ...asked
      .filter((port) => !names.includes(String(port)))
      .map((port) => `a probe asks the port ${port}, which ${container.name} has not`),
  ];
}

function twice(names: readonly string[]): string[] {
  return names.filter((name, index) => names.indexOf(name) !== index);
}

function serviceFaults(manifests: readonly Manifest[]): Fault[] {
  return ofKind(manifests, 'Service').flatMap((service) => {
    const { selector = {}, ports = [] } = service.object.spec ?? {};
    const chosen = workloads(manifests).filter(({ template }) => {
      return selects({ matchLabels: selector }, template.metadata?.labels);
    });
    if (chosen.length === 0) return [fault(service, 'selects no pod')];
    return chosen.flatMap(({ template, manifest }) => {
      const known = containersOf(template).flatMap(({ ports: own = [] }) => own);
      return ports
        .map(({ port, targetPort = port }) => targetPort)
        .filter((port) => !known.some((one) => one.name === port || one.containerPort === port))
        .map((port) => fault(service, `${manifest.name} has no port ${port}`));
    });
  });
}

function ingressFaults(manifests: readonly Manifest[]): Fault[] {
  return ofKind(manifests, 'Ingress').flatMap((ingress) => {
    const paths = (ingress.object.spec?.rules ?? []).flatMap(({ http }) => http?.paths ?? []);
    return paths.flatMap(({ backend }) => {
      const { name, port } = backend.service ?? {};
      const ports = find(manifests, 'Service', name)?.object.spec?.ports ?? [];
      const isThere = ports.some((one) => one.name === port?.name || one.port === port?.number);
      return isThere ? [] : [fault(ingress, `no Service ${name} has this port`)];
    });
  });
}

function autoscalerFaults(manifests: readonly Manifest[]): Fault[] {
  return ofKind(manifests, 'HorizontalPodAutoscaler').flatMap((scaler) => {
    const { scaleTargetRef, minReplicas = 1, maxReplicas = 0 } = scaler.object.spec ?? {};
    const target = workloads(manifests).find(({ manifest: { object, name } }) => {
      return object.kind === scaleTargetRef?.kind && name === scaleTargetRef.name;
    });
    if (target === undefined) return [fault(scaler, 'there is nothing of its target’s name')];
    const isFixed = target.manifest.object.spec?.replicas !== undefined;
    return [
      ...(isFixed ? [fault(scaler, 'each apply would undo it: its target sets replicas')] : []),
      ...(minReplicas > maxReplicas ? [fault(scaler, 'wants more than it may have')] : []),
    ];
  });
}

function isAnySelected(
  selector: Parameters<typeof selects>[0],
  manifests: readonly Manifest[],
): boolean {
  return workloads(manifests).some(({ template }) => selects(selector, template.metadata?.labels));
}
