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
  const tools = Object.fromEntries(OF_TOOLS.map((name) => [name, secret(name)]));
  const operators = manifest('tools', { ...tools, ...urls('tools', secret) });
  return [...own, ...servers, operators].map((one) => stringify(one)).join('---\n');
}

/** Here, unlike under docker compose, others may share the network: NATS and Redis want passwords. */
function urls(workload: string, secret: (name: string) => string): Record<string, string> {
  if (!CALLERS.has(workload)) return {};
  return {
    'redis-url': `redis://:${secret('redis')}@redis:6379`,
    ...(workload !== 'gateway' && { 'nats-url': `nats://sotto:${secret('nats')}@nats:4222` }),
  };
}

/** Who calls NATS and Redis, but for the gateway, which has no business with the first. */
const CALLERS: ReadonlySet<string> = new Set([
  ...['gateway', 'auth', 'key', 'message', 'file', 'tools'],
]);

/** The operator's commands do what any service does, as the database's administrator. */
const OF_TOOLS = [
  ...['internal', 'jwt-access', 'jwt-refresh', 'field', 'key-log'],
  ...['postgres', 's3-access-key', 's3-secret-key'],
];

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
