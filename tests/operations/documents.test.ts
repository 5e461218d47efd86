/** What the operator's documents name is there: commands and their options, checks, numbers, alerts, settings, log lines. */
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { exposureChecks } from '../../scripts/doctor/exposure-checks.ts';
import { machineChecks } from '../../scripts/doctor/machine-checks.ts';
import { serverChecks } from '../../scripts/doctor/server-checks.ts';
import { runScript } from './script.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const FOLDER = 'docs/operations';
const documents = readdirSync(join(root, FOLDER)).map((name) => {
  const text = read(`${FOLDER}/${name}`);
  return { name, text, code: codeOf(text) };
});
const allCode = documents.flatMap(({ code }) => code);

/** What stands in back-ticks, in fences and in lines that are set in. */
function codeOf(markdown: string): string[] {
  const fences = [...markdown.matchAll(/^ *```\w*\n(.*?)^ *```$/gms)].map(([, code = '']) => code);
  const prose = markdown.replace(/^ *```\w*\n.*?^ *```$/gms, '');
  const lines = [...prose.matchAll(/^ {4}\S.*$/gm)].map(([line]) => line);
  const spans = [...prose.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
  return [...fences.flatMap((fence) => fence.split('\n')), ...lines, ...spans].map((line) =>
    line.replace(/\s+/g, ' ').replaceAll('\\|', '|').trim(),
  );
}

/** The first groups of all matches in what the documents show as code. */
function named(pattern: RegExp): string[] {
  const found = allCode.flatMap((line) => [...line.matchAll(pattern)]);
  return [...new Set(found.map(([, first = '']) => first))].toSorted();
}

/** As the forge makes anchors of headings. */
function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => {
    return heading
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-');
  });
}

describe.each(documents)('$name', ({ name, text }) => {
  test('points to what is there', () => {
    const links = [...text.matchAll(/\]\(([^)\s]*)\)/g)].map(([, link = '']) => link);
    for (const link of links.filter((one) => !/^https?:/.test(one))) {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? join(FOLDER, name) : join(dirname(join(FOLDER, name)), path);
      expect(existsSync(join(root, target)), link).toBe(true);
      if (anchor !== undefined) expect(anchors(read(target)), link).toContain(anchor);
    }
  });
});

test('each command of npm, and each option of the operator’s, is there', async () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(read('package.json'));
  expect(named(/npm run (?:--silent )?([a-z-]+)/g).filter((name) => !(name in scripts))).toEqual(
    [],
  );
  for (const command of ['doctor', 'admin', 'backup', 'restore', 'restored']) {
    const { stdout } = await runScript(command, ['--help']);
    const before = '(?:npm run (?:--silent )?|auth |-- |^)';
    const calls = named(new RegExp(`${before}${command}((?: (?!&&|\\|)\\S+)+)`, 'g'));
    const options = calls.flatMap((call) => call.match(/ --[a-z][a-z-]*/g) ?? []);
    expect(
      options.filter((option) => !stdout.includes(option.trim())),
      command,
    ).toEqual([]);
  }
});

test('each command of admin is there', async () => {
  const { stdout } = await runScript('admin', ['--help']);
  const known = [...stdout.matchAll(/^ {2}([a-z-]+(?: [a-z]+)?)(?= |$)/gm)].map(([, name]) => name);
  expect(known.length).toBeGreaterThan(20);
  const groups = known.map((name) => name?.split(' ')[0]);
  const used = named(/(?<!\/)\badmin (?:-- )?([a-z][a-z-]*(?: [a-z]+)?)/g);
  expect(used.length).toBeGreaterThan(5);
  expect(used.filter((name) => !known.includes(name) && !groups.includes(name))).toEqual([]);
});

test('each check of the doctor is there', () => {
  const known = [
    'configuration',
    ...Object.keys({ ...machineChecks, ...serverChecks, ...exposureChecks }),
  ];
  const used = named(/--only ([a-z,-]+)/g).flatMap((names) => names.split(','));
  expect(used.length).toBeGreaterThan(15);
  expect(used.filter((name) => !known.includes(name))).toEqual([]);
});

test('each number is one of the table, which is held to the platform', () => {
  const known = [...read(`${FOLDER}/metrics.md`).matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  const used = named(/\b((?:sotto|process|nodejs)_[a-z_]+[a-z])\b/g);
  const unknown = used.filter((name) => {
    return !known.includes(name) && !known.includes(name.replace(/_(bucket|sum|count)$/, ''));
  });
  expect(
    unknown.filter((name) => name !== 'sotto_admin' && !/^sotto_(nats|redis)/.test(name)),
  ).toEqual([]);
});

/** Reasons that Kubernetes gives, which look like alerts. */
const NO_ALERTS = ['ImagePullBackOff', 'REPEATABLE'];

test('each alert is a rule', () => {
  const { groups } = parse(read('deployments/observability/alerts.yml'));
  const known: string[] = groups.flatMap(({ rules }: { rules: { alert: string }[] }) =>
    rules.map(({ alert }) => alert),
  );
  const used = named(/^([A-Z][a-z]+(?:[A-Z][a-z]+)+)$/g);
  expect(used.length).toBeGreaterThan(20);
  expect(used.filter((name) => !known.includes(name) && !NO_ALERTS.includes(name))).toEqual([]);
});

test('each setting is one that something reads', () => {
  const sources = [
    'config.yaml',
    '.env.example',
    'docker-compose*.yml',
    'deployments/**/*.{ts,yaml,sh}',
  ]
    .flatMap((pattern) => globSync(pattern, { cwd: root }))
    .concat(globSync('{packages,services}/*/src/**/*.ts', { cwd: root }))
    .map(read)
    .join('\n');
  const used = named(/(?<![\w/.-])([A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9])(?![\w/.])/g);
  expect(used.length).toBeGreaterThan(25);
  expect(used.filter((name) => !new RegExp(`\\b${name}\\b`).test(sources))).toEqual([]);
});

test('each container and each Deployment is there', () => {
  const services = ['docker-compose.yml', 'docker-compose.cluster.yml'].flatMap((file) => {
    return Object.keys(parse(read(file), { merge: true, logLevel: 'error' }).services);
  });
  const used = named(
    /docker compose (?:-f \S+ )*(?:exec|restart|logs|kill)((?: -\S+(?: \d+m?| USR2)?)* [a-z0-9-]+)/g,
  );
  const names = used.map((words) => words.split(' ').at(-1) ?? '');
  expect(names.filter((name) => !services.includes(name) && !/^\d/.test(name))).toEqual([]);
  const manifests = globSync('deployments/k8s/*.yaml', { cwd: root }).map(read).join('\n');
  const deployments = named(/\b(?:deploy|deployment)\/([a-z]+)/g);
  expect(deployments.length).toBeGreaterThan(3);
  for (const name of deployments)
    expect(manifests).toMatch(new RegExp(`kind: Deployment\\nmetadata:\\n  name: ${name}\\n`));
});

test('each line of a log, and each action of the audit log, is one that is written', () => {
  const sources = globSync('{packages,services}/*/src/**/*.ts', { cwd: root }).map(read).join('\n');
  const lines = [
    ...read(`${FOLDER}/incidents.md`).matchAll(/log of \w+: `([^`]+)`|log `([^`]+)`/g),
  ];
  const words = lines.map(([, one, other]) => (one ?? other ?? '').replace(/\s+/g, ' '));
  const actions = named(/--action ([\w.-]+)/g);
  expect([words.length, actions.length]).toEqual([
    expect.toSatisfy((n) => n > 2),
    expect.toSatisfy((n) => n > 2),
  ]);
  expect([...words, ...actions].filter((one) => !sources.includes(`'${one}'`))).toEqual([]);
});
