/** The alert rules, read and tried by Prometheus' own tool: each fires for what it is about, and none where all is well. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';

const rules = fileURLToPath(new URL('../../deployments/observability/alerts.yml', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'sotto-alerts-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** By the numbers and their labels, one value a minute as promtool writes them: `first+step x times`. */
type Series = Readonly<Record<string, string>>;

const AUTH = 'job="sotto", instance="a", service_name="auth"';

/** What each is about, and after how long it has to fire. */
const FAULTS: Readonly<Record<string, readonly [minutes: number, Series]>> = {
  ProcessDown: [5, { [`up{${AUTH}}`]: '0+0x9' }],
  ServiceGone: [5, { [`up{${AUTH}}`]: '1+0x9' }],
  ProcessMissing: [
    85,
    { [`up{${AUTH}}`]: '1+0x99', [`up{${AUTH.replace('"a"', '"b"')}}`]: '1+0x60' },
  ],
  ProcessRestarts: [9, { [`process_start_time_seconds{${AUTH}}`]: '0 60 120 180 240 240+0x9' }],
  EventLoopBusy: [20, { [`nodejs_eventloop_active_seconds_total{${AUTH}}`]: '0+57x30' }],
  DatabaseConnectionsShort: [9, { 'sotto_database_queries_waiting{service="key"}': '9+0x20' }],
  RequestsFail: [
    15,
    {
      'sotto_http_request_seconds_count{service="key", status="500", route="/x"}': '0+2x30',
      'sotto_http_request_seconds_count{service="key", status="200", route="/x"}': '0+100x30',
    },
  ],
  ServicesUnanswered: [
    15,
    { sotto_requests_unanswered_total: '0+60x30', sotto_tunnels_failed_total: '0+0x30' },
  ],
  LimitersRefuse: [
    30,
    {
      'sotto_limiter_decisions_total{limiter="user", decision="refused"}': '0+90x40',
      'sotto_limiter_decisions_total{limiter="user", decision="allowed"}': '0+90x40',
    },
  ],
  CountersGone: [
    10,
    { 'sotto_limiter_decisions_total{decision="allowed", counted="own"}': '0+6x20' },
  ],
  MessagesSlow: [
    25,
    buckets('sotto_message_delivery_seconds', [
      ['0.5', 10],
      ['1', 90],
    ]),
  ],
  CommitsFail: [10, { 'sotto_message_commit_failures_total{failure="lost"}': '0+60x20' }],
  MessageQueueFills: [5, { 'sotto_message_queue_fill_ratio{instance="a"}': '0.8+0x9' }],
  DevicesStalled: [
    10,
    { sotto_message_sockets_stalled: '20+0x20', sotto_message_sockets: '99+0x20' },
  ],
  DeviceOwed: [20, { 'sotto_message_undelivered_age_seconds{instance="a"}': '301+60x30' }],
  OutboxWaits: [5, { 'sotto_outbox_age_seconds{service="auth", outbox="events"}': '61+60x9' }],
  FanoutLags: [
    25,
    buckets('sotto_fanout_lag_seconds', [
      ['2', 10],
      ['5', 90],
    ]),
  ],
  BusLogFills: [10, { 'sotto_bus_log_fill_ratio{log="fanout"}': '0.9+0x20' }],
  PushRefused: [30, { 'sotto_push_wakeups_total{outcome="refused"}': '0+1x60' }],
  PrekeysRunOut: [
    80,
    {
      'sotto_bundles_issued_total{one_time_prekey="without"}': '0+10x90',
      'sotto_bundles_issued_total{one_time_prekey="with"}': '0+10x90',
    },
  ],
  KeyLogStops: [15, { sotto_key_log_failures_total: '0+1x20' }],
  RefreshTokenReused: [15, { 'sotto_refreshes_total{outcome="reused"}': '0+0x5 1+0x20' }],
  PasswordsGuessed: [
    30,
    {
      'sotto_logins_total{outcome="failed"}': '0+120x40',
      'sotto_logins_total{outcome="ok"}': '0+6x40',
    },
  ],
  FilesDamaged: [15, { sotto_files_damaged_total: '0+0x5 1+0x20' }],
  FileStoreForeign: [
    15,
    { 'sotto_files_reconciliations_refused_total{difference="marker"}': '0+0x5 1+0x20' },
  ],
};

/** All services, somewhat busy, for three hours: each number that a fault is told by, as it is on a good day. */
const GOOD_DAY: Series = {
  ...Object.fromEntries(
    ['gateway', 'auth', 'key', 'message', 'file'].flatMap((service) => {
      const labels = `job="sotto", instance="${service}", service_name="${service}"`;
      return [
        [`up{${labels}}`, '1+0x180'],
        [`process_start_time_seconds{${labels}}`, '0+0x20 1200+0x159'],
        [`nodejs_eventloop_active_seconds_total{${labels}}`, '0+20x180'],
      ];
    }),
  ),
  'sotto_database_queries_waiting{service="key"}': '1+0x180',
  'sotto_http_request_seconds_count{service="key", status="500", route="/x"}': '0+0x180',
  'sotto_http_request_seconds_count{service="key", status="503", route="/health/ready"}': '0+9x180',
  'sotto_http_request_seconds_count{service="key", status="200", route="/x"}': '0+100x180',
  sotto_requests_unanswered_total: '0+1x180',
  sotto_tunnels_failed_total: '0+0x180',
  'sotto_limiter_decisions_total{limiter="user", decision="refused", counted="shared"}': '0+1x180',
  'sotto_limiter_decisions_total{limiter="user", decision="allowed", counted="shared"}': '0+90x180',
  'sotto_limiter_decisions_total{limiter="user", decision="allowed", counted="own"}': '0+0x180',
  ...buckets('sotto_message_delivery_seconds', [
    ['0.05', 99],
    ['0.5', 1],
  ]),
  'sotto_message_commit_failures_total{failure="lost"}': '0+0x180',
  'sotto_message_queue_fill_ratio{instance="a"}': '0.1+0x180',
  sotto_message_sockets_stalled: '1+0x180',
  sotto_message_sockets: '99+0x180',
  'sotto_message_undelivered_age_seconds{instance="a"}': '33+0x180',
  'sotto_outbox_age_seconds{service="auth", outbox="events"}': '1+0x180',
  ...buckets('sotto_fanout_lag_seconds', [
    ['0.1', 99],
    ['2', 1],
  ]),
  'sotto_bus_log_fill_ratio{log="fanout"}': '0.2+0x180',
  'sotto_push_wakeups_total{outcome="refused"}': '0+0x180',
  'sotto_bundles_issued_total{one_time_prekey="without"}': '0+1x180',
  'sotto_bundles_issued_total{one_time_prekey="with"}': '0+10x180',
  sotto_key_log_failures_total: '0+0x180',
  'sotto_refreshes_total{outcome="reused"}': '0+0x180',
  'sotto_logins_total{outcome="failed"}': '0+1x180',
  'sotto_logins_total{outcome="ok"}': '0+10x180',
  sotto_files_damaged_total: '0+0x180',
  'sotto_files_reconciliations_refused_total{difference="marker"}': '0+0x180',
};

/** A histogram that grows by so many a minute in each of its buckets, from the lowest on. */
function buckets(name: string, added: readonly (readonly [le: string, count: number])[]): Series {
  let sum = 0;
  const below = [...added, ['+Inf', 0] as const].map(([le, count]) => {
    sum += count;
    return [`${name}_bucket{le="${le}"}`, `0+${sum}x180`];
  });
  return Object.fromEntries(below);
}

function tried(series: Series, minutes: number, [expr, value]: readonly [string, number?]) {
  return {
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [
      {
        expr,
        eval_time: `${minutes}m`,
        exp_samples: value === undefined ? [] : [{ labels: '{}', value }],
      },
    ],
  };
}

function promtool(...words: string[]) {
  const { status, stdout, stderr, error } = spawnSync('promtool', words, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  return { status, said: stdout + stderr };
}

test('every alert is tried', () => {
  const { groups }: { groups: { rules: { alert: string }[] }[] } = parse(
    readFileSync(rules, 'utf8'),
  );
  const names = groups.flatMap((group) => group.rules.map(({ alert }) => alert));
  expect(Object.keys(FAULTS).toSorted()).toEqual(names.toSorted());
});

test('the rules are what Prometheus takes', () => {
  expect(promtool('check', 'rules', rules)).toMatchObject({ status: 0 });
});

test('each fires for what it is about, and none on a good day', () => {
  const firing = (name: string) =>
    `count(ALERTS{alertname="${name}", alertstate="firing"}) > bool 0`;
  const file = join(directory, 'alerts.test.yml');
  const tests = [
    ...Object.entries(FAULTS).map(([name, [minutes, series]]) =>
      tried(series, minutes, [firing(name), 1]),
    ),
    tried(GOOD_DAY, 170, ['count by (alertname) (ALERTS)']),
    tried(GOOD_DAY, 40, ['count by (alertname) (ALERTS)']),
  ];
  // What is JSON is YAML.
  writeFileSync(file, JSON.stringify({ rule_files: [rules], evaluation_interval: '1m', tests }));
  const { status, said } = promtool('test', 'rules', file);
  expect(status, said).toBe(0);
});
