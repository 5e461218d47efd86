/** Which container can read which secret, by the files that `docker compose` goes by. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import {
  type Folders,
  makeSecrets,
  type Recipients,
  recipients,
  setSecret,
} from '../../deployments/docker/make-secrets.ts';

const root = new URL('../../', import.meta.url);

interface Container {
  environment?: Readonly<Record<string, string>>;
  volumes?: readonly string[];
}

const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const compose: { services: Readonly<Record<string, Container>> } = parse(
  read('docker-compose.yml'),
  { merge: true },
);
const handedOut = recipients;

/** The volumes of secrets that a container mounts, and where. */
function mountsOf({ volumes = [] }: Container): string[] {
  return volumes.filter((volume) => volume.startsWith('secrets'));
}

describe('a container', () => {
  // The operator's own, which run when they are called, and for as long.
  const OPERATOR = ['secrets', 'tools'];
  const containers = Object.entries(compose.services).filter(([name]) => !OPERATOR.includes(name));

  test.each(containers)('%s mounts its own secrets and no others', (name, container) => {
    const own = name in handedOut ? [`secrets-${name}:/secrets:ro`] : [];
    expect(mountsOf(container)).toEqual(own);
  });

  test.each(containers)('%s has what it reads, and nothing else', (name, { environment = {} }) => {
    const named = Object.values(environment).filter((value) => value?.startsWith('/secrets/'));
    const script = name === 'postgres' ? DATABASES : [];
    const needed = [...named.map((path) => path.replace('/secrets/', '')), ...script];
    expect([...(handedOut[name]?.secrets ?? [])].toSorted()).toEqual(needed.toSorted());
  });

  const DATABASES = ['database-auth', 'database-key', 'database-message', 'database-file'];
  test('that has the databases made is given their passwords', () => {
    const script = read('deployments/docker/postgres-init.sh');
    expect(script).toContain('for service in auth key message file');
    expect(script).toContain('/secrets/database-$service');
  });

  test('that makes them alone mounts all', () => {
    const names = Object.keys(handedOut).map((name) => `secrets-${name}:/for/${name}`);
    expect(mountsOf(compose.services.secrets ?? {})).toEqual(['secrets:/secrets', ...names]);
  });
});

describe('the secrets', () => {
  let folders: Folders;
  // Files can be given to others by root alone.
  const user = process.getuid?.() ?? 0;
  const containers: Recipients = {
    one: { user, secrets: ['shared', 'first'] },
    other: { user, secrets: ['shared'] },
  };
  beforeEach(() => {
    const directory = mkdtempSync(join(tmpdir(), 'sotto-secrets-'));
    folders = { kept: join(directory, 'kept'), handed: join(directory, 'for') };
    onTestFinished(() => rmSync(directory, { recursive: true }));
  });
  const kept = (name: string) => readFileSync(join(folders.kept, name), 'utf8');
  const handed = (path: string) => readFileSync(join(folders.handed, path), 'utf8');

  test('are made once, and read by their owners alone', () => {
    makeSecrets(folders, containers);
    const [shared, first] = [kept('shared'), kept('first')];
    expect(shared).toMatch(/^[0-9a-f]{64}$/);
    expect(shared).not.toBe(first);
    makeSecrets(folders, containers);
    expect([kept('shared'), kept('first')]).toEqual([shared, first]);
    expect([handed('one/shared'), handed('one/first'), handed('other/shared')]).toEqual([
      ...[shared, first, shared],
    ]);
    expect(readdirSync(join(folders.handed, 'other'))).toEqual(['shared']);
    for (const path of ['kept/shared', 'for/one/shared', 'for/one/first', 'for/other/shared']) {
      const { mode, uid } = statSync(join(folders.kept, '..', path));
      expect([path, mode & 0o777, uid]).toEqual([path, 0o400, user]);
    }
  });

  test('of a version that showed them to all are taken over, and hidden', () => {
    mkdirSync(folders.kept);
    writeFileSync(join(folders.kept, 'shared'), 'of long ago', { mode: 0o444 });
    makeSecrets(folders, containers);
    expect([handed('one/shared'), handed('other/shared')]).toEqual(['of long ago', 'of long ago']);
    expect(statSync(join(folders.kept, 'shared')).mode & 0o777).toBe(0o400);
  });

  test('of others are put in by their names, and handed on', () => {
    makeSecrets(folders, containers);
    const put = (name: string, text: string) => setSecret(folders.kept, name, { text, containers });
    put('shared', 'of a database\n');
    makeSecrets(folders, containers);
    expect([handed('one/shared'), handed('other/shared')]).toEqual([
      ...['of a database', 'of a database'],
    ]);
    expect(statSync(join(folders.kept, 'shared')).mode & 0o777).toBe(0o400);
    expect(() => put('first', '\n')).toThrow('empty');
    expect(() => put('last', 'text')).toThrow('no container is given a secret last');
    expect(kept('first')).toMatch(/^[0-9a-f]{64}$/);
  });

  test('that a container does not need any more are taken from it', () => {
    makeSecrets(folders, containers);
    makeSecrets(folders, { ...containers, one: { user, secrets: ['first'] } });
    expect(readdirSync(join(folders.handed, 'one'))).toEqual(['first']);
    expect(readdirSync(folders.kept).toSorted()).toEqual(['first', 'shared']);
  });
});
