/** Dashboard, alerts and their documents speak of numbers that the platform really tells. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Cluster, freePort, startCluster } from '../cluster.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const OBSERVABILITY = 'deployments/observability';

const Alerts = z.object({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^[A-Z]\w+$/),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.strictObject({ severity: z.enum(['page', 'ticket']) }),
          annotations: z.strictObject({ summary: z.string(), runbook: z.string() }),
        }),
      ),
    }),
  ),
});
const Dashboard = z.object({
  panels: z.array(
    z.object({
      title: z.string(),
      description: z.string().optional(),
      targets: z.array(z.object({ expr: z.string() })).optional(),
    }),
  ),
});

const alerts = Alerts.parse(parse(read(`${OBSERVABILITY}/alerts.yml`))).groups.flatMap(
  ({ rules }) => rules,
);
const dashboard = Dashboard.parse(
  JSON.parse(read(`${OBSERVABILITY}/grafana/dashboards/sotto.json`)),
);
const incidents = read('docs/operations/incidents.md');
const metrics = read('docs/operations/metrics.md');

let cluster: Cluster;
let numbersUrl: string;
/** By name, the kinds of numbers that some service tells. */
const told = new Map<string, string>();

beforeAll(async () => {
  const port = await freePort();
  numbersUrl = `http://127.0.0.1:${port}/metrics`;
  cluster = await startCluster({ METRICS_PORT: String(port) });
  const { auth, key, message, file } = cluster.processes;
  const urls = [auth, key, message, file].map(({ url }) => `${url}/metrics`);
  for (const url of [numbersUrl, ...urls]) {
    const text = await (await fetch(url)).text();
    for (const [, name = '', kind = ''] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      told.set(name, kind);
    }
  }
});

afterAll(() => cluster.close());

/** The numbers that an expression asks for, as the platform names them. */
function asked(expression: string): string[] {
  const withoutLabels = expression.replace(/\{[^}]*\}/g, '');
  const names = withoutLabels.match(/\b(sotto|process|nodejs)_\w+/g) ?? [];
  return names.map((name) => {
    const family = name.replace(/_(bucket|sum|count)$/, '');
    return told.get(family) === 'histogram' ? family : name;
  });
}

test('every number of an alert or a panel is told by the running platform', () => {
  const panels = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ where: title, expr })),
  );
  const all = [...alerts.map(({ alert, expr }) => ({ where: alert, expr })), ...panels];
  const unknown = all.flatMap(({ where, expr }) =>
    asked(expr)
      .filter((name) => !told.has(name))
      .map((name) => `${where}: ${name}`),
  );
  expect(all.length).toBeGreaterThan(60);
  expect(unknown).toEqual([]);
});

test('what an alert or a panel asks a histogram for is one of its buckets, its sum or its count', () => {
  const all = [...alerts, ...dashboard.panels.flatMap(({ targets = [] }) => targets)];
  for (const { expr } of all) {
    for (const name of expr.match(/\b(sotto|process|nodejs)_\w+/g) ?? []) {
      expect(told.get(name), `${name} in ${expr}`).not.toBe('histogram');
    }
  }
});

test('the labels that alerts look for before they were ever counted are told as nothing', async () => {
  const text = await (await fetch(`${cluster.processes.auth.url}/metrics`)).text();
  expect(text).toContain('sotto_refreshes_total{outcome="reused",service="auth"} 0');
});

test('the gateway tells its numbers on their own port, and nothing else there', async () => {
  expect((await fetch(numbersUrl)).status).toBe(200);
  expect((await fetch(numbersUrl.replace('metrics', 'health/ready'))).status).toBe(404);
});

test('the table of numbers has all that the platform tells, and no others', () => {
  const listed = [...metrics.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  expect(listed.toSorted()).toEqual([...told.keys()].toSorted());
});

test('numbers are named by the conventions of Prometheus', () => {
  for (const [name, kind] of told) {
    if (kind === 'counter') expect(name).toMatch(/_total$/);
    else expect(name).not.toMatch(/_total$/);
    expect(name).toMatch(/^(sotto|process|nodejs)(_[a-z]+)+$/);
    expect(name).not.toMatch(/_(ms|milliseconds|kb|mb|percent)(_|$)/);
  }
});

/** As the forge makes anchors of headings. */
function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => {
    return heading
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-');
  });
}

test('every alert says what to do, under a heading of its own', () => {
  const known = anchors(incidents);
  for (const { alert, annotations } of alerts) {
    const [path, anchor = ''] = annotations.runbook.split('#');
    expect(path).toBe('docs/operations/incidents.md');
    expect(known, alert).toContain(anchor);
    expect(incidents, 'the alert is named there').toContain(`\`${alert}\``);
  }
  const names = alerts.map(({ alert }) => alert);
  expect(new Set(names).size).toBe(names.length);
});

test('Grafana finds the dashboard and its source where it looks', () => {
  const provisioning = `${OBSERVABILITY}/grafana/provisioning`;
  const compose = parse(read('docker-compose.observability.yml'));
  const mounts: string[] = compose.services.grafana.volumes;
  const folder = parse(read(`${provisioning}/dashboards/sotto.yml`)).providers[0].options.path;
  expect(mounts).toContain(`./${OBSERVABILITY}/grafana/dashboards:${folder}:ro`);
  expect(readdirSync(join(root, OBSERVABILITY, 'grafana/dashboards'))).toEqual(['sotto.json']);
  const [source] = parse(read(`${provisioning}/datasources/prometheus.yml`)).datasources;
  const used = read(`${OBSERVABILITY}/grafana/dashboards/sotto.json`).match(/"uid": "\w+"/g) ?? [];
  expect(new Set(used)).toEqual(new Set([`"uid": "${source.uid}"`, '"uid": "sotto"']));
  expect(source.url).toBe('http://prometheus:9090');
});
