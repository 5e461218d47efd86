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
