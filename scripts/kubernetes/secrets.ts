/** The platform's secrets as Kubernetes keeps them: who needs what is the same as under docker compose. */
import { randomBytes } from 'node:crypto';
import { stringify } from 'yaml';
import { recipients } from '../../deployments/docker/make-secrets.ts';

/** In the namespace of `deployments/k8s/00-namespace.yaml`. */
const NAMESPACE = 'sotto';

/** One Secret for each workload, named `secrets-` and what it is for, as YAML. Others with each call. */
export function kubernetesSecrets(): string {
  const made = new Map<string, string>();
  const secret = (name: string): string => {
    const value = made.get(name) ?? randomBytes(32).toString('hex');
    made.set(name, value);
    return value;
  };
  const own = Object.entries(recipients).map(([workload, { secrets }]) => {
    const values = Object.fromEntries(secrets.map((name) => [name, secret(name)]));
    return manifest(workload, { ...values, ...urls(workload, secret) });
  });
  const servers = [
    manifest('nats', { 'users.conf': `user: sotto\npassword: "${secret('nats')}"\n` }),
    manifest('redis', { 'password.conf': `requirepass ${secret('redis')}\n` }),
  ];
  return [...own, ...servers].map((one) => stringify(one)).join('---\n');
}

/** Here, unlike under docker compose, others may share the network: NATS and Redis want passwords. */
function urls(workload: string, secret: (name: string) => string): Record<string, string> {
  if (!SERVICES.has(workload)) return {};
  return {
    'redis-url': `redis://:${secret('redis')}@redis:6379`,
    ...(workload !== 'gateway' && { 'nats-url': `nats://sotto:${secret('nats')}@nats:4222` }),
  };
}

const SERVICES: ReadonlySet<string> = new Set(['gateway', 'auth', 'key', 'message', 'file']);

function manifest(workload: string, stringData: Readonly<Record<string, string>>) {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `secrets-${workload}`, namespace: NAMESPACE },
    type: 'Opaque',
    immutable: true,
    stringData,
  };
}
