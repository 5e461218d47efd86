/** What the compose files and the Dockerfiles ask of Docker: nothing that a container has no need of, and bounds on the rest. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const { version }: { version: string } = JSON.parse(read('package.json'));

interface Service {
  image?: string;
  build?: { args?: Readonly<Record<string, string>> };
  restart?: string;
  user?: string;
  read_only?: boolean;
  cap_drop?: readonly string[];
  cap_add?: readonly string[];
  security_opt?: readonly string[];
  logging?: { options?: Readonly<Record<string, string>> };
  cpus?: unknown;
  cpu_shares?: number;
  deploy?: { resources?: { limits?: Readonly<Record<string, string | number>> } };
  extends?: { file: string; service: string };
}

const FILES = [
  'docker-compose.yml',
  'docker-compose.cluster.yml',
  'docker-compose.observability.yml',
] as const;

const files = new Map(
  FILES.map((file) => {
    // Compose's own tags say how files are merged.
    const tags = ['!reset', '!override'];
    const customTags = tags.flatMap((tag) => [
      { tag, collection: 'map' as const },
      { tag, collection: 'seq' as const },
    ]);
    return [file, parse(read(file), { merge: true, customTags })];
  }),
);

/** Every service that a file describes, not those to which it only adds something, with what it extends. */
const services = [...files].flatMap(([file, composition]) =>
  Object.entries<Service>(composition.services)
    .map(([name, own]) => [`${name} of ${file}`, extended(own)] as const)
    .filter(([, { image }]) => image !== undefined),
);

function extended(own: Service): Service {
  if (own.extends === undefined) return own;
  const base: Service = files.get('docker-compose.yml')?.services[own.extends.service];
  const deploy = { ...base.deploy, ...own.deploy };
  return { ...base, ...own, deploy };
}

/** What needs more than nothing: servers of others begin as root, and two of ours handle what is root's. */
const CAPABILITIES: Readonly<Record<string, readonly string[]>> = {
  postgres: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID'],
  redis: ['CHOWN', 'DAC_OVERRIDE', 'SETGID', 'SETUID'],
  secrets: ['CHOWN'],
  tools: ['DAC_OVERRIDE'],
};

/** More of them than these would be somebody's fault; PostgreSQL has one for each connection, MinIO one for each file at work. */
const PIDS_MAX = 1024;

/** What people do not wait for, and so gives way. */
const LESS_URGENT = ['tools', 'prometheus', 'grafana'];

describe('a container is closed and bounded:', () => {
  test.each(services)('%s', (title, service) => {
    const [name = ''] = title.split(' ');
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.cap_add ?? []).toEqual(CAPABILITIES[name] ?? []);
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
    expect(service.read_only).toBe(name === 'postgres' ? undefined : true);
    const limits = service.deploy?.resources?.limits;
    expect(limits?.memory).toMatch(/^\d+[MG]$/);
    expect(limits?.pids).toBeGreaterThanOrEqual(64);
    expect(limits?.pids).toBeLessThanOrEqual(PIDS_MAX);
    // Docker refuses one above what a machine has.
    expect(limits).not.toHaveProperty('cpus');
    expect(service.cpus).toBeUndefined();
    expect(service.cpu_shares).toBe(LESS_URGENT.includes(name) ? 256 : undefined);
    if (service.build !== undefined && name !== 'tools') expect(service.user).toBeUndefined();
    if (service.restart !== undefined) {
      expect(service.logging?.options).toMatchObject({
        'max-size': expect.any(String),
        'max-file': expect.any(String),
      });
    }
  });
});

test('all of them are there', () => {
  const of = (file: string) => services.filter(([title]) => title.endsWith(` ${file}`)).length;
  expect(FILES.map(of)).toEqual([11, 14, 2]);
});

test('PostgreSQL has room for a process for each connection that it takes', () => {
  const { command, deploy } = files.get('docker-compose.yml')?.services.postgres ?? {};
  const setting: string = command.find((word: string) => word.startsWith('max_connections='));
  expect(deploy.resources.limits.pids).toBeGreaterThan(2 * Number(setting.split('=')[1]));
});

test('both files are the same project, wherever they lie', () => {
  expect(files.get('docker-compose.yml')?.name).toBe('sotto');
  expect(files.get('docker-compose.cluster.yml')?.name).toBe('sotto');
});

test('our images are those of this version, by their names and their labels', () => {
  const ours = services.filter(([, { build }]) => build !== undefined);
  for (const [title, { image, build }] of ours) {
    const [name] = title.split(' ');
    expect(image).toBe(`sotto/${name}:\${SOTTO_VERSION:-${version}}`);
    expect(build?.args?.VERSION, title).toBe(`\${SOTTO_VERSION:-${version}}`);
  }
  expect(ours).toHaveLength(6 + 7);
});

test('our Dockerfiles name bases that any registry may have, and end as a user who is nobody', () => {
  for (const file of ['Dockerfile', 'haproxy.Dockerfile']) {
    const text = read(`deployments/docker/${file}`);
    expect(text).not.toMatch(/^# *syntax=/m);
    const froms = [...text.matchAll(/^FROM (\S+)(?: AS (\S+))?$/gm)];
    const stages = new Set(froms.map(([, , stage]) => stage));
    const bases = froms.flatMap(([, from = '']) => (stages.has(from) ? [] : [from]));
    expect(bases.filter((from) => /alpine|@sha256|:latest$/.test(from))).toEqual([]);
    expect(bases.filter((from) => from !== 'scratch')).toHaveLength(1);
    expect(text.split('\nFROM ').at(-1)).toContain('\nUSER 65532:65532\n');
  }
});
