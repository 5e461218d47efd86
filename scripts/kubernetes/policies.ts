/** Who may talk to whom: nothing unless an arrow says so, and each arrow from the one end has its other end. */
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import {
  containersOf,
  type Fault,
  fault,
  type Manifest,
  ofKind,
  selects,
  type Workload,
  workloads,
} from './manifest.ts';

type Policy = Manifest<INetworkPolicy>;
type Spec = NonNullable<INetworkPolicy['spec']>;
type Rule = {
  readonly peers: NonNullable<NonNullable<Spec['ingress']>[number]['from']>;
  readonly ports: readonly number[];
};

/** An arrow that one side allows: from pods of one name to a port of another. */
interface Arrow {
  readonly policy: Policy;
  readonly text: string;
}

/** Policies that leave something open, select nothing, or allow at one end what the other one refuses. */
export function policyFaults(manifests: readonly Manifest[]): Fault[] {
  const policies = ofKind(manifests, 'NetworkPolicy');
  const pods = workloads(manifests);
  const egress = policies.flatMap((policy) => arrows(policy, 'egress', pods));
  const ingress = policies.flatMap((policy) => arrows(policy, 'ingress', pods));
  return [
    ...(policies.some(isDefault) ? [] : ['no NetworkPolicy refuses what no other one allows']),
    ...policies.flatMap((policy) => selectorFaults(policy, pods)),
    ...unmatched(egress, ingress, 'nobody lets it in'),
    ...unmatched(ingress, egress, 'nobody lets it out'),
  ];
}

function isDefault({ object }: Policy): boolean {
  const { podSelector = {}, policyTypes = [], ingress, egress } = object.spec ?? {};
  const isEveryPod = Object.keys(podSelector).length === 0;
  const isBoth = policyTypes.includes('Ingress') && policyTypes.includes('Egress');
  return isEveryPod && isBoth && ingress === undefined && egress === undefined;
}

/** Policies whose selectors take no pod, and ports that no pod of theirs has. */
function selectorFaults(policy: Policy, pods: readonly Workload[]): Fault[] {
  const { podSelector = {} } = policy.object.spec ?? {};
  const own = pods.filter(({ template }) => selects(podSelector, template.metadata?.labels));
  if (own.length === 0) return [fault(policy, 'selects no pod')];
  const { ingress, egress } = policy.object.spec ?? {};
  const peers = [
    ...(ingress ?? []).flatMap(({ from = [] }) => from),
    ...(egress ?? []).flatMap(({ to = [] }) => to),
  ];
  const lost = peers.filter(({ podSelector: wanted, namespaceSelector }) => {
    if (wanted === undefined || namespaceSelector !== undefined) return false;
    return !pods.some(({ template }) => selects(wanted, template.metadata?.labels));
  });
  const open = (ingress ?? []).filter(({ from = [] }) => from.length === 0);
  const wide = (egress ?? []).filter(({ to = [] }) => to.length === 0);
  const listening = new Set(own.flatMap(portsOf));
  const unheard = (ingress ?? [])
    .flatMap((rule) => numbers(rule.ports))
    .filter((port) => !listening.has(port));
  return [
    ...lost.map(() => fault(policy, 'names a peer that selects no pod')),
    ...open.map(() => fault(policy, 'lets everybody in')),
    ...wide.map(() => fault(policy, 'lets everything out')),
    ...unheard.map((port) => fault(policy, `nobody listens on ${port}`)),
  ];
}

function portsOf({ template }: Workload): number[] {
  return containersOf(template).flatMap(({ ports = [] }) => ports.map((one) => one.containerPort));
}

function numbers(ports: readonly { port?: string | number }[] | undefined): number[] {
  return (ports ?? []).map(({ port }) => Number(port));
}

/** The arrows of one policy between pods of the folder; what goes elsewhere has no other end here. */
function arrows(policy: Policy, way: 'ingress' | 'egress', pods: readonly Workload[]): Arrow[] {
  const { podSelector = {} } = policy.object.spec ?? {};
  const named = (selector: Parameters<typeof selects>[0]) =>
    pods
      .filter(({ template }) => selects(selector, template.metadata?.labels))
      .map(({ manifest }) => manifest.name);
  const own = named(podSelector);
  return rulesOf(policy, way).flatMap(({ peers, ports }) =>
    peers.flatMap(({ podSelector: peer, namespaceSelector }) => {
      if (peer === undefined || namespaceSelector !== undefined) return [];
      return named(peer).flatMap((other) =>
        own.flatMap((one) => {
          const ends = way === 'egress' ? `${one} to ${other}` : `${other} to ${one}`;
          return ports.map((port) => ({ policy, text: `${ends}:${port}` }));
        }),
      );
    }),
  );
}

function rulesOf({ object }: Policy, way: 'ingress' | 'egress'): Rule[] {
  const { ingress = [], egress = [] } = object.spec ?? {};
  return way === 'ingress'
    ? ingress.map(({ from = [], ports }) => ({ peers: from, ports: numbers(ports) }))
    : egress.map(({ to = [], ports }) => ({ peers: to, ports: numbers(ports) }));
}

function unmatched(arrows: readonly Arrow[], others: readonly Arrow[], what: string): Fault[] {
  const known = new Set(others.map(({ text }) => text));
  return arrows
    .filter(({ text }) => !known.has(text))
    .map(({ policy, text }) => fault(policy, `${text}: ${what}`));
}
