/** What an operator does with a platform: looks after it, upgrades it, and puts it back from a backup, or from nothing else. */
import { DOWN_MS_MAX, type Stack, UP_MS_MAX } from './stack.ts';

/** Ours, in the order of an upgrade: docs/operations/upgrade.md. */
export const SERVICES = ['auth', 'key', 'message', 'file', 'gateway'] as const;

/** In the container. */
const BACKUP = '/backups/one';

/** Asks the doctor, uses the commands for accounts, and makes a backup. Rejects when a command fails. */
export async function lookAfter(stack: Stack): Promise<void> {
  await call(stack, 'doctor');
  const [first = ''] = (await call(stack, 'admin', 'users', 'list', '--json')).split('\n');
  const { username }: { username: string } = JSON.parse(first);
  await call(stack, 'admin', 'inspect', username);
  await call(stack, 'admin', 'limits', 'reset', username);
  await call(stack, 'backup', BACKUP);
  await call(stack, 'backup', '--verify', BACKUP);
  await call(stack, 'doctor', '--only', 'backup', '--backups', '/backups');
}

/** Makes the containers of one service after the other anew. */
export async function upgrade({ compose }: Stack): Promise<void> {
  for (const service of SERVICES) {
    await compose(
      ['up', '--no-build', '--no-deps', '--force-recreate', '--wait', service],
      UP_MS_MAX,
    );
  }
}

/** Puts that backup in the place of all that has come since, as docs/operations/backup.md says. */
export async function putBack(stack: Stack): Promise<void> {
  const { compose, docker, project, isCluster } = stack;
  await compose(['stop', ...SERVICES], DOWN_MS_MAX);
  const copies = isCluster ? ['nats-1', 'nats-2', 'nats-3', 'redis'] : ['nats', 'redis'];
  await compose(['rm', '--stop', '--force', ...copies], DOWN_MS_MAX);
  await docker(['volume', 'rm', ...copies.map((name) => `${project}_${name}`)]);
  await call(stack, 'restore', BACKUP, '--replace', '--confirm', 'replace');
  await stack.up();
}

/** Loses all volumes, and brings the platform back by that backup and a copy of the secrets, as on a new machine. */
export async function beginAgain(stack: Stack): Promise<void> {
  // Names, numbers and secrets: a tar of them is text.
  const secrets = await archive(stack, ['-c', '.']);
  await stack.lose();
  await archive(stack, ['-x'], secrets);
  await stack.up();
  await putBack(stack);
}

/** The two commands for secrets.tar of docs/operations/deploy.md and backup.md. */
function archive({ compose }: Stack, words: readonly string[], input?: string): Promise<string> {
  const run = ['run', '--rm', '-T', '--no-deps', '--entrypoint', 'tar', 'secrets'];
  return compose([...run, '-C', '/secrets', ...words], UP_MS_MAX, input);
}

/** One of the operator's commands. Resolves to what it says. */
function call({ compose }: Stack, command: string, ...words: readonly string[]): Promise<string> {
  const run = ['run', '--rm', '-T', 'tools', 'npm', 'run', '--silent', command, '--', ...words];
  return compose(run, UP_MS_MAX);
}
