/** What the containers on Kubernetes are told, held to the programs that are told it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import {
  ofKind,
  parseManifests,
  readManifestFiles,
  type Workload,
  workloads,
} from '../../scripts/kubernetes/manifest.ts';
import { kubernetesSecrets } from '../../scripts/kubernetes/secrets.ts';
import { MANIFESTS } from '../../scripts/kubernetes-check.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { manifests } = parseManifests(readManifestFiles(MANIFESTS));
const pods = new Map(workloads(manifests).map((one) => [one.manifest.name, one]));
const SERVICES = ['gateway', 'auth', 'key', 'message', 'file'] as const;

const directory = mkdtempSync(join(tmpdir(), 'sotto-kubernetes-'));
afterAll(() => rmSync(directory, { recursive: true }));

type Files = Readonly<Record<string, string>>;

/** Of every workload, what its Secret holds. */
function realSecrets(): Map<string, Files> {
  const documents = parseAllDocuments(kubernetesSecrets()).map((one) => one.toJS());
  return new Map(
    documents.map(({ metadata, stringData }: { metadata: { name: string }; stringData: Files }) => {
      return [metadata.name.replace(/^secrets-/, ''), stringData];
    }),
  );
}

function volumeSources(workload: Workload) {
  const volumes = workload.template.spec?.volumes ?? [];
  return volumes.find(({ name }) => name === 'secrets')?.projected?.sources ?? [];
}

/** The files of a workload's volume before it has a Secret of its own. */
function placeholders(workload: Workload): Files {
  const known = ofKind(manifests, 'Secret').find(({ name }) => name === 'placeholders');
  const items = volumeSources(workload).flatMap(({ secret }) => secret?.items ?? []);
  return Object.fromEntries(
    items.map(({ key, path }) => [path, known?.object.stringData?.[key] ?? '']),
  );
}

function workloadOf(name: string): Workload {
  const found = pods.get(name);
  if (found === undefined) throw new Error(`nothing runs ${name}`);
  return found;
}

/** The variables of a service's container, its secrets lying in `secrets`. */
function environmentOf(workload: Workload, secrets: string): Record<string, string> {
  const shared = ofKind(manifests, 'ConfigMap').find(({ name }) => name === 'sotto');
  const own = workload.template.spec?.containers[0]?.env ?? [];
  const entries = own.map(({ name, value = '' }) => [name, value.replace('/secrets', secrets)]);
  return { ...shared?.object.data, ...Object.fromEntries(entries) };
}

function folder(name: string, files: Files): string {
  const path = join(directory, name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

/** Reads and checks its configuration as it does at its start. */
function check(service: string, environment: Record<string, string>) {
  const main = join(root, 'services', service, 'src/main.ts');
  const { status, stderr } = spawnSync(process.execPath, [main, '--check'], {
    cwd: directory,
    env: environment,
    encoding: 'utf8',
  });
  return { status, stderr };
}

test('every workload has the secrets that its volume asks for, and no others', () => {
  const real = realSecrets();
  expect([...real.keys()].toSorted()).toEqual([...pods.keys()].toSorted());
  for (const [name, files] of real) {
    const workload = workloadOf(name);
    expect(Object.keys(files).toSorted(), name).toEqual(
      Object.keys(placeholders(workload)).toSorted(),
    );
    // The later source wins, so this is what a pod reads once it is there.
    const last = volumeSources(workload).at(-1)?.secret;
    expect(last).toEqual({ name: `secrets-${name}`, optional: true });
  }
});

test('the same secret is the same wherever it is needed, and another one each time it is made', () => {
  const [one, other] = [realSecrets(), realSecrets()];
  const internal = (of: typeof one) => SERVICES.map((name) => of.get(name)?.internal);
  expect(new Set(internal(one)).size).toBe(1);
  expect(internal(one)).not.toEqual(internal(other));
  const password = /"(\w{64})"/.exec(one.get('nats')?.['users.conf'] ?? '')?.[1] ?? '';
  expect(one.get('message')?.['nats-url']).toBe(`nats://sotto:${password}@nats:4222`);
});

describe('the configuration of', () => {
  test.each(SERVICES)('%s is valid with real secrets', (service) => {
    const secrets = folder(`real-${service}`, realSecrets().get(service) ?? {});
    const environment = environmentOf(workloadOf(service), secrets);
    expect(check(service, environment)).toEqual({ status: 0, stderr: '' });
  });

  test.each(SERVICES)('%s is refused with placeholders, by name', (service) => {
    const workload = workloadOf(service);
    const environment = environmentOf(workload, folder(`none-${service}`, placeholders(workload)));
    const { status, stderr } = check(service, environment);
    expect(status).toBe(78);
    expect(stderr).toContain('(INTERNAL_SECRET): is a published default: set a secret of your own');
    const named = Object.keys(environment).filter((name) => name.endsWith('_FILE'));
    for (const name of named) expect(stderr).toContain(`(${name.replace(/_FILE$/, '')})`);
  });

  test.each(SERVICES)('%s names no variable that nobody reads', (service) => {
    const sources = [
      join(root, 'packages/runtime/src/sections.ts'),
      ...SERVICES.map((one) => join(root, 'services', one, 'src/config.ts')),
    ];
    const read = sources.flatMap((path) => {
      return [...readFileSync(path, 'utf8').matchAll(/env: '(\w+)'/g)].map(([, name]) => name);
    });
    const names = Object.keys(environmentOf(workloadOf(service), ''));
    const unread = names.filter((name) => !read.includes(name.replace(/_FILE$/, '')));
    expect(unread).toEqual(['NODE_ENV']);
  });
});

test('the operator’s commands are told where everything is', () => {
  const secrets = folder('real-tools', realSecrets().get('tools') ?? {});
  const doctor = join(root, 'scripts/doctor.ts');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [doctor, '--only', 'configuration,secrets', '--json'],
    { cwd: directory, env: environmentOf(workloadOf('tools'), secrets), encoding: 'utf8' },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('5 secrets, long and different');
  const named = Object.keys(environmentOf(workloadOf('tools'), ''));
  for (const service of SERVICES) {
    const asked = Object.keys(environmentOf(workloadOf(service), ''));
    // Their port and their place in the database are the services' own.
    const beside = asked.filter((name) => !/^(METRICS_PORT|DB_.*)$/.test(name));
    expect(named).toEqual(expect.arrayContaining(beside));
  }
});

describe('before a server with a disk starts', () => {
  test.each(['postgres', 'nats', 'redis', 'minio'])('%s refuses placeholders', (name) => {
    const workload = workloadOf(name);
    const begin = workload.template.spec?.initContainers?.[0];
    const place = begin?.volumeMounts?.[0]?.mountPath ?? '';
    const run = (path: string) => {
      const script = begin?.args?.[0]?.replaceAll(place, path) ?? '';
      return spawnSync('sh', ['-c', script], { encoding: 'utf8' });
    };
    const refused = run(folder(`none-${name}`, placeholders(workload)));
    expect(refused.status).toBe(78);
    expect(refused.stderr).toMatch(/is a placeholder: node scripts\/make-kubernetes-secrets\.ts/);
    const taken = run(folder(`real-${name}`, realSecrets().get(name) ?? {}));
    expect(taken).toMatchObject({ status: 0, stderr: '' });
  });
});

test('PostgreSQL is prepared as under docker compose', () => {
  const script = readFileSync(join(root, 'deployments/docker/postgres-init.sh'), 'utf8');
  const map = ofKind(manifests, 'ConfigMap').find(({ name }) => name === 'postgres-init');
  expect(map?.object.data?.['10-roles.sh']).toBe(script);
});

test('PostgreSQL has a connection for each that may be asked for while a release rolls out', () => {
  const arguments_ = workloadOf('postgres').template.spec?.containers[0]?.args ?? [];
  const most = arguments_.map((one) => Number(/^-cmax_connections=(\d+)$/.exec(one)?.[1]));
  const asked = ofKind(manifests, 'HorizontalPodAutoscaler')
    .filter(({ name }) => name !== 'gateway')
    .map(({ object }) => ((object.spec?.maxReplicas ?? 0) + 1) * CONNECTIONS_OF_ONE);
  const sum = asked.reduce((one, other) => one + other, 0);
  // PostgreSQL keeps three for itself, operators and backups take some.
  expect(most.find((one) => one > 0)).toBeGreaterThan(sum + 10);
});

/** Ten of the pool, and what a process opens beside it: two lines to commit, four to claim bundles, and to spare. */
const CONNECTIONS_OF_ONE = 16;

test('the images are those of this version, and clients call the host of the ingress', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const service of [...SERVICES, 'tools']) {
    const image = workloadOf(service).template.spec?.containers[0]?.image;
    expect(image).toBe(`registry.example.org/sotto/${service}:${version}`);
  }
  const shared = ofKind(manifests, 'ConfigMap').find(({ name }) => name === 'sotto');
  const hosts = ofKind(manifests, 'Ingress').flatMap(({ object }) => object.spec?.rules ?? []);
  expect(shared?.object.data?.PUBLIC_ORIGINS).toBe(`https://${hosts[0]?.host}`);
});

test('nothing but manifests lies in the folder, which kubectl takes as it is', () => {
  expect(readdirSync(MANIFESTS).filter((name) => !/^\d\d-[a-z-]+\.yaml$/.test(name))).toEqual([]);
});
