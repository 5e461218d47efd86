/**
 * The objects of a folder, in the order in which `kubectl apply -f` sends them: files by name, documents in turn. Only
 * kinds that the platform is made of are known; what a schema refuses is told and goes no further.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Deployment, type IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import { type IStatefulSet, StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import {
  HorizontalPodAutoscaler,
  type IHorizontalPodAutoscaler,
} from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { type IIngress, Ingress } from 'kubernetes-models/networking.k8s.io/v1/Ingress';
import {
  type INetworkPolicy,
  NetworkPolicy,
} from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import {
  type IPodDisruptionBudget,
  PodDisruptionBudget,
} from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap, type IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { type INamespace, Namespace } from 'kubernetes-models/v1/Namespace';
import {
  type IPersistentVolumeClaim,
  PersistentVolumeClaim,
} from 'kubernetes-models/v1/PersistentVolumeClaim';
import type { IPodTemplateSpec } from 'kubernetes-models/v1/PodTemplateSpec';
import { type ISecret, Secret } from 'kubernetes-models/v1/Secret';
import { type IService, Service } from 'kubernetes-models/v1/Service';
import { type IServiceAccount, ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import { parseAllDocuments } from 'yaml';

/** A file as it lies there. */
export interface ManifestFile {
  readonly name: string;
  readonly text: string;
}

type KubernetesObject =
  | INamespace
  | IConfigMap
  | ISecret
  | IServiceAccount
  | IPersistentVolumeClaim
  | INetworkPolicy
  | IDeployment
  | IStatefulSet
  | IService
  | IPodDisruptionBudget
  | IHorizontalPodAutoscaler
  | IIngress;

/** The name of a kind. */
export type Kind = KubernetesObject['kind'];

/** An object of one kind. */
export type ObjectOf<K extends Kind> = Extract<KubernetesObject, { kind: K }>;

/** An object that its schema accepts, and where it was found. */
export interface Manifest<O extends KubernetesObject = KubernetesObject> {
  readonly file: string;
  readonly name: string;
  readonly object: O;
}

/** `file: Kind/name: what`. */
export type Fault = string;

/** What the package's classes have in common. */
interface Model {
  readonly apiVersion: string;
  readonly kind: string;
  new (data: never): { validate(): void };
}

const MODELS: readonly Model[] = [
  Namespace,
  ConfigMap,
  Secret,
  ServiceAccount,
  PersistentVolumeClaim,
  NetworkPolicy,
  Deployment,
  StatefulSet,
  Service,
  PodDisruptionBudget,
  HorizontalPodAutoscaler,
  Ingress,
];

/** The files of a folder that `kubectl apply -f` takes, in its order. */
export function readManifestFiles(directory: string): ManifestFile[] {
  return readdirSync(directory)
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .toSorted()
    .map((name) => ({ name, text: readFileSync(join(directory, name), 'utf8') }));
}

/** The objects of files, and what is wrong with them as YAML or by their schemas: required fields, types and formats. */
export function parseManifests(files: readonly ManifestFile[]): {
  manifests: Manifest[];
  faults: Fault[];
} {
  const manifests: Manifest[] = [];
  const faults: Fault[] = [];
  for (const { name: file, text } of files) {
    for (const document of parseAllDocuments(text, { uniqueKeys: true })) {
      for (const { message } of document.errors) faults.push(`${file}: ${message.split('\n')[0]}`);
      if (document.errors.length > 0) continue;
      const read = accept(file, document.toJS());
      if (typeof read === 'string') faults.push(read);
      else manifests.push(read);
    }
  }
  return { manifests, faults };
}

function accept(file: string, data: unknown): Manifest | Fault {
  const { apiVersion, kind, metadata } = (data ?? {}) as Partial<KubernetesObject>;
  const name = metadata?.name ?? '';
  const model = MODELS.find((one) => one.apiVersion === apiVersion && one.kind === kind);
  if (model === undefined) return `${file}: ${kind}/${name}: no kind of ${apiVersion} that we know`;
  try {
    new model(structuredClone(data) as never).validate();
  } catch (error) {
    return `${file}: ${kind}/${name}: ${error instanceof Error ? error.message : error}`;
  }
  return { file, name, object: data as KubernetesObject };
}

/** A fault of an object. */
export function fault({ file, name, object }: Manifest, what: string): Fault {
  return `${file}: ${object.kind}/${name}: ${what}`;
}

/** The objects of one kind. */
export function ofKind<K extends Kind>(
  manifests: readonly Manifest[],
  kind: K,
): Manifest<ObjectOf<K>>[] {
  return manifests.filter(({ object }) => object.kind === kind) as Manifest<ObjectOf<K>>[];
}

/** Something that runs pods. */
export interface Workload {
  readonly manifest: Manifest<IDeployment | IStatefulSet>;
  readonly template: IPodTemplateSpec;
}

/** All that runs pods. */
export function workloads(manifests: readonly Manifest[]): Workload[] {
  return [...ofKind(manifests, 'Deployment'), ...ofKind(manifests, 'StatefulSet')].flatMap(
    (manifest) => {
      const template = manifest.object.spec?.template;
      return template === undefined ? [] : [{ manifest, template }];
    },
  );
}

type PodSpec = NonNullable<IPodTemplateSpec['spec']>;

/** A container of a pod, whether it begins it or is it. */
export type Container = PodSpec['containers'][number];

/** Those that begin a pod, and those that are it. */
export function containersOf({ spec }: IPodTemplateSpec): Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
}

interface LabelSelector {
  matchLabels?: Readonly<Record<string, string>>;
  matchExpressions?: readonly { key: string; operator: string; values?: string[] }[];
}

/** Whether a selector takes labels. */
export function selects(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const isThere = labels[key] !== undefined;
      if (operator === 'Exists') return isThere;
      if (operator === 'DoesNotExist') return !isThere;
      const isListed = isThere && values.includes(labels[key] ?? '');
      return operator === 'In' ? isListed : !isListed;
    })
  );
}
