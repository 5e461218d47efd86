/** What `kubectl apply -f deployments/k8s/` sends, held to what a cluster would say, and each rule to a manifest that breaks it. */
import { describe, expect, test } from 'vitest';
import { readManifestFiles } from '../../scripts/kubernetes/manifest.ts';
import { checkManifests, faultsBesideFields, MANIFESTS } from '../../scripts/kubernetes-check.ts';

const files = readManifestFiles(MANIFESTS);

/** The manifests with one text in one of them replaced by another. */
function broken(file: string, [from, to]: readonly [string | RegExp, string]) {
  const changed = files.map((one) => {
    return one.name === file ? { ...one, text: one.text.replace(from, to) } : one;
  });
  expect(changed, 'the text to replace is there').not.toEqual(files);
  return changed;
}

test('the manifests are without fault', () => {
  expect(checkManifests(files)).toEqual([]);
});

test('a field that no schema knows is told', () => {
  const misspelt = broken('41-auth.yaml', ['minReadySeconds', 'minReadySecond']);
  expect(checkManifests(misspelt)).toEqual([
    expect.stringMatching(/^41-auth\.yaml: Deployment\/auth: .*"minReadySecond"/),
  ]);
});

/** What is done to a file, and what the check says then. */
type Break = readonly [
  what: string,
  file: string,
  change: readonly [string | RegExp, string],
  RegExp,
];

/** Where a container says what it may do. */
const CLOSED = /( {12})(?=allowPrivilegeEscalation)/;

const BREAKS: readonly Break[] = [
  ['a key twice', '10-config.yaml', ['  DB_NAME:', '  DB_HOST:'], /Map keys must be unique/],
  ['a wrong type', '40-gateway.yaml', ['port: 8080,', 'port: eighty,'], /must be integer/i],
  [
    'an unknown kind',
    '50-ingress.yaml',
    ['kind: Ingress', 'kind: Egress'],
    /no kind of networking/,
  ],
  ['an old version', '50-ingress.yaml', ['.io/v1', '.io/v1beta1'], /no kind of networking/],
  [
    'a name that is none',
    '12-service-accounts.yaml',
    ['name: minio', 'name: Mini_O'],
    /Mini_O: is no name for DNS/,
  ],
  [
    'a namespace that is not made',
    '10-config.yaml',
    ['namespace: sotto', 'namespace: soto'],
    /before its namespace/,
  ],
  [
    'an object twice',
    '33-minio.yaml',
    [/kind: Service\n(.*\n {2}name:) minio/, 'kind: Service\n$1 redis'],
    /defined twice/,
  ],
  [
    'a selector beside its pods',
    '42-key.yaml',
    [
      'matchLabels:\n      app.kubernetes.io/name: key',
      'matchLabels:\n      app.kubernetes.io/name: keys',
    ],
    /does not take its own pods/,
  ],
  [
    'a Service of nobody',
    '32-redis.yaml',
    [
      /selector:\n {4}app.kubernetes.io\/name: redis\n {2}ports/,
      'selector:\n    app: redis\n  ports',
    ],
    /Service\/redis: selects no pod/,
  ],
  [
    'a port that nobody has',
    '44-file.yaml',
    ['targetPort: http', 'targetPort: web'],
    /file has no port web/,
  ],
  [
    'a way in to a port that is none',
    '50-ingress.yaml',
    ['name: http', 'name: web'],
    /no Service gateway has this port/,
  ],
  [
    'a probe of a port that is none',
    '43-message.yaml',
    ['/health/ready, port: http', '/health/ready, port: web'],
    /a probe asks the port web/,
  ],
  [
    'a ConfigMap that is missing',
    '44-file.yaml',
    ['configMapRef:\n                name: sotto', 'configMapRef:\n                name: soto'],
    /no ConfigMap soto/,
  ],
  [
    'a key of a Secret that is missing',
    '11-placeholders.yaml',
    [/ {2}key-log: .*\n/, ''],
    /no key key-log in the Secret placeholders/,
  ],
  [
    'a volume that is missing',
    '31-nats.yaml',
    ['- name: run\n', '- name: runs\n'],
    /nobody mounts the volume runs/,
  ],
  [
    'an account that is missing',
    '12-service-accounts.yaml',
    ['name: minio', 'name: store'],
    /no ServiceAccount minio/,
  ],
  [
    'a claim that is made nowhere',
    '33-minio.yaml',
    ['emptyDir: { sizeLimit: 64Mi }', 'persistentVolumeClaim: { claimName: temporary }'],
    /the PersistentVolumeClaim temporary is nowhere/,
  ],
  [
    'a set without its Service',
    '31-nats.yaml',
    ['serviceName: nats-servers', 'serviceName: nats'],
    /nats is no headless Service/,
  ],
  [
    'a budget of nobody',
    '31-nats.yaml',
    [/(kind: PodDisruptionBudget[\s\S]*)name: nats\n$/, '$1name: nat\n'],
    /PodDisruptionBudget\/nats: selects no pod/,
  ],
  [
    'an autoscaler of nobody',
    '41-auth.yaml',
    ['kind: Deployment\n    name: auth', 'kind: Deployment\n    name: authority'],
    /nothing of its target/,
  ],
  [
    'an autoscaler that each apply undoes',
    '41-auth.yaml',
    ['minReadySeconds: 5', 'minReadySeconds: 5\n  replicas: 2'],
    /its target sets replicas/,
  ],
  [
    'a variable twice',
    '42-key.yaml',
    ['name: DB_USER', 'name: INTERNAL_SECRET_FILE'],
    /INTERNAL_SECRET_FILE is set twice/,
  ],
  ['root', '44-file.yaml', ['runAsNonRoot: true', 'runAsNonRoot: false'], /may run as root/],
  [
    'root of its own',
    '44-file.yaml',
    [CLOSED, '$1runAsNonRoot: false\n$1runAsUser: 0\n$1'],
    /file: may run as root/,
  ],
  [
    'the whole kernel for one of a pod',
    '43-message.yaml',
    [CLOSED, '$1seccompProfile: { type: Unconfined }\n$1'],
    /message: may call the whole kernel/,
  ],
  [
    'a port of its node',
    '40-gateway.yaml',
    ['containerPort: 8080', 'containerPort: 8080, hostPort: 80'],
    /gateway: listens at its node/,
  ],
  [
    'a namespace that takes any pod',
    '00-namespace.yaml',
    ['enforce: restricted', 'enforce: privileged'],
    /Namespace\/sotto: takes pods with privileges/,
  ],
  [
    'nobody who makes more',
    '41-auth.yaml',
    [/---\napiVersion: autoscaling[\s\S]*$/, ''],
    /Deployment\/auth: nobody makes more of it/,
  ],
  [
    'no budget',
    '31-nats.yaml',
    [/---\napiVersion: policy[\s\S]*$/, ''],
    /StatefulSet\/nats: all of it may be taken away at once/,
  ],
  [
    'one node for all',
    '31-nats.yaml',
    [/ {6}affinity:\n( {8}.*\n)+/, ''],
    /StatefulSet\/nats: may be on one node only/,
  ],
  [
    'a way out to everybody',
    '20-network-policies.yaml',
    [
      /egress:\n {4}- to:\n {8}- podSelector:\n {12}matchLabels:\n.*minio\n {6}ports/,
      'egress:\n    - ports',
    ],
    /lets everything out/,
  ],
  [
    'an image that is written to',
    '44-file.yaml',
    ['readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false'],
    /may write into its image/,
  ],
  [
    'privileges to gain',
    '30-postgres.yaml',
    [/allowPrivilegeEscalation: false/g, 'allowPrivilegeEscalation: true'],
    /postgres: may gain privileges/,
  ],
  [
    'capabilities',
    '33-minio.yaml',
    [/drop: \[ALL\]/g, 'drop: [NET_RAW]'],
    /minio: keeps capabilities/,
  ],
  [
    'the whole kernel',
    '32-redis.yaml',
    ['type: RuntimeDefault', 'type: Unconfined'],
    /may call the whole kernel/,
  ],
  [
    'a token of the cluster',
    '40-gateway.yaml',
    ['automountServiceAccountToken: false', 'automountServiceAccountToken: true'],
    /gets a token/,
  ],
  [
    'no limit',
    '43-message.yaml',
    ['limits: { cpu: "2", memory: 1Gi }', 'limits: { cpu: "2" }'],
    /message: has no limit of memory/,
  ],
  [
    'more than its limit',
    '43-message.yaml',
    ['memory: 384Mi', 'memory: 2Gi'],
    /requests more memory than its limit/,
  ],
  ['no probe', '31-nats.yaml', ['livenessProbe', 'x'], /nats: has no livenessProbe/],
  [
    'no time to end',
    '43-message.yaml',
    ['terminationGracePeriodSeconds: 35', 'terminationGracePeriodSeconds: 20'],
    /is killed before it can have ended/,
  ],
  [
    'requests at its end',
    '40-gateway.yaml',
    [/ {10}lifecycle:\n.*\n.*\n.*\n/, ''],
    /is still sent requests when it ends/,
  ],
  ['any image', '41-auth.yaml', ['auth:0.1.0', 'auth:latest'], /whatever image is the newest/],
  [
    'nothing refused',
    '20-network-policies.yaml',
    ['policyTypes: [Ingress, Egress]', 'policyTypes: [Ingress]'],
    /no NetworkPolicy refuses/,
  ],
  [
    'a policy of nobody',
    '20-network-policies.yaml',
    [/name: minio\n {2}policyTypes/, 'name: store\n  policyTypes'],
    /NetworkPolicy\/minio: selects no pod/,
  ],
  [
    'an arrow without its end',
    '20-network-policies.yaml',
    ['values: [key, message, file]', 'values: [key, message]'],
    /auth to file:8080: nobody lets it out/,
  ],
  [
    'an arrow without its beginning',
    '20-network-policies.yaml',
    ['values: [gateway, auth, message]', 'values: [gateway, auth]'],
    /message to key:8080: nobody lets it in/,
  ],
  [
    'a port that nobody listens on',
    '20-network-policies.yaml',
    ['port: 9464', 'port: 9465'],
    /nobody listens on 9465/,
  ],
];

describe('the check tells of', () => {
  test.each(BREAKS)('%s', (_, file, change, says) => {
    expect(faultsBesideFields(broken(file, change)).join('\n')).toMatch(says);
  });
});
