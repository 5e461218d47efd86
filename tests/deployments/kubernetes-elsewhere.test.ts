/** The manifests with a database and a store elsewhere, changed as docs/operations/deploy.md says: the check has nothing to say. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type ManifestFile, readManifestFiles } from '../../scripts/kubernetes/manifest.ts';
import { checkManifests, faultsBesideFields, MANIFESTS } from '../../scripts/kubernetes-check.ts';

const manual = readFileSync(
  fileURLToPath(new URL('../../docs/operations/deploy.md', import.meta.url)),
  'utf8',
);

/** What the manual says to write, by the file that its comment names. */
function written(file: string): string {
  const [, text = ''] =
    new RegExp(`^# ${file.replace('.', '\\.')}[^\n]*\n([\\s\\S]*?)^(---|\`\`\`)$`, 'm').exec(
      manual,
    ) ?? [];
  expect(text, `the manual has a part for ${file}`).not.toBe('');
  return text;
}

type Change = (text: string) => string;

/** The same with one place in it changed. */
const replaced =
  (from: RegExp, to: string): Change =>
  (text) => {
    expect(text).toMatch(from);
    return text.replace(from, () => to);
  };

const lines = (text: string, from: string, before?: string): string => {
  const end = before === undefined ? text.length : text.indexOf(before);
  return text.slice(text.indexOf(from) + from.length, end);
};

const volumes = written('41-auth.yaml');
const mounts: readonly Change[] = [
  replaced(
    / {10}volumeMounts:\n/,
    `          volumeMounts:\n${lines(volumes, 'volumeMounts:\n', '      volumes:')}`,
  ),
  replaced(/\n {6}volumes:\n/, `\n      volumes:\n${lines(volumes, '      volumes:\n')}`),
];

const [database = '', store = ''] = written('20-network-policies.yaml').split(/(?=^ {4}- to:)/m);
const toPods = (name: string) =>
  new RegExp(
    ` {4}- to:\\n {8}- podSelector:\\n {12}matchLabels:\\n.*name: ${name}\\n {6}ports:\\n.*\\n`,
  );
/** A policy of its own, with the line between it and the one before. */
const policyOf = (name: string) =>
  new RegExp(
    `---\\napiVersion: .*\\nkind: NetworkPolicy\\nmetadata:\\n {2}name: ${name}\\n((?!---).*\\n)*`,
  );

const CHANGES: Readonly<Record<string, readonly Change[]>> = {
  '10-config.yaml': [
    (text) => {
      const given = lines(written('10-config.yaml'), 'data:\n');
      const names = [...given.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name).join('|');
      return text.replace(new RegExp(`^ {2}(${names}):.*\n`, 'gm'), '') + given;
    },
  ],
  '20-network-policies.yaml': [
    replaced(policyOf('postgres'), ''),
    replaced(policyOf('minio'), ''),
    replaced(toPods('postgres'), database),
    replaced(toPods('minio'), store),
    replaced(toPods('minio'), store),
  ],
  ...Object.fromEntries(
    ['41-auth', '42-key', '43-message', '44-file', '45-tools'].map((name) => [
      `${name}.yaml`,
      mounts,
    ]),
  ),
};

function elsewhere(): ManifestFile[] {
  const kept = readManifestFiles(MANIFESTS)
    .filter(({ name }) => !['30-postgres.yaml', '33-minio.yaml'].includes(name))
    .map(({ name, text }) => ({
      name,
      text: (CHANGES[name] ?? []).reduce((before, change) => change(before), text),
    }));
  const authorities = { name: '13-authorities.yaml', text: written('13-authorities.yaml') };
  return [...kept, authorities].toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

test('a database and a store elsewhere leave nothing behind that names the ones here', () => {
  expect(checkManifests(elsewhere())).toEqual([]);
});

test('whoever forgets the policies of the ones here is told', () => {
  const forgotten = readManifestFiles(MANIFESTS).filter(({ name }) => !/^3[03]/.test(name));
  expect(faultsBesideFields(forgotten).join('\n')).toContain('NetworkPolicy/minio: selects no pod');
});
