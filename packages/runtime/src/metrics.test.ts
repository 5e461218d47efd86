import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';

test('numbers bear the name of their service and stay apart from another one', async () => {
  const [auth, key] = [createMetrics('auth'), createMetrics('key')];
  auth.counter('logins_total', 'Log-ins', ['outcome']).inc({ outcome: 'ok' });
  auth.gauge('sockets', 'Open sockets').set(3);
  auth.histogram('hash_seconds', 'Hashes').observe(0.03);
  key.counter('logins_total', 'The same name elsewhere');
  const text = await auth.text();
  expect(text).toContain('sotto_logins_total{outcome="ok",service="auth"} 1');
  expect(text).toContain('sotto_sockets{service="auth"} 3');
  expect(text).toContain('sotto_hash_seconds_bucket{le="0.05",service="auth"} 1');
  expect(text).toMatch(/process_resident_memory_bytes\{service="auth"\} \d{6,}/);
  expect(await key.text()).not.toContain('auth');
});

test('a number that is looked up is that of the moment, and none when there is none', async () => {
  const metrics = createMetrics('message');
  const state: { fill: number | undefined } = { fill: 0.5 };
  metrics.reading('queue_fill_ratio', 'How full', () => state.fill);
  expect(await metrics.text()).toContain('sotto_queue_fill_ratio{service="message"} 0.5');
  state.fill = undefined;
  expect(await metrics.text()).not.toMatch(/^sotto_queue_fill_ratio\{/m);
  state.fill = 1;
  expect(await metrics.text()).toContain('sotto_queue_fill_ratio{service="message"} 1');
});

test('what the process has used only rises, however often it is asked', async () => {
  const metrics = createMetrics('key');
  const used = async (name: string) =>
    Number(new RegExp(`^${name}\\{service="key"\\} (\\S+)$`, 'm').exec(await metrics.text())?.[1]);
  for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_active_seconds_total']) {
    const first = await used(name);
    expect(first).toBeGreaterThan(0);
    // Twice what it was would be a sum of readings.
    expect(await used(name)).toBeLessThan(first * 2);
  }
  expect(await used('process_start_time_seconds')).toBeLessThan(Date.now() / 1000);
});
