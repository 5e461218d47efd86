/** `npm run doctor`: what is wrong with a platform, or soon will be, and what to do about it. */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { EXIT_FAILED, EXIT_USAGE, loadConfig, wrongCall } from '@sotto/runtime';
import { StandaloneConfig } from '../services/standalone/src/config.ts';
import { explainFailure, fileFault } from './backup/console.ts';
import { dataDirectory, readIfThere, secretFile, source } from './backup/site.ts';
import { exposureChecks } from './doctor/exposure-checks.ts';
import { type Checks, type Finding, ok, type Patient } from './doctor/finding.ts';
import { machineChecks } from './doctor/machine-checks.ts';
import { serverChecks } from './doctor/server-checks.ts';

const USAGE = `usage: npm run doctor [-- --json] [--only NAME] [--backups FOLDER]

Checks configuration, machine, servers and exposure of a platform, which may run, and says what to do.
It finds the platform as npm start does: by config.yaml, DATA_DIR, DATABASE_URL and so on.

  --json             one JSON object a line
  --only NAME        one check, by the name in its line, or several with commas between
  --backups FOLDER   also whether its newest backup is from today
  --help             show this

Exit codes: 0 nothing fails, 1 something does, or cannot be told though --only names it, 64 wrong call,
78 the configuration is not valid.`;

/** Each secret's variable, and its file in a data directory. */
const SECRETS = {
  JWT_ACCESS_SECRET: 'jwt-access',
  JWT_REFRESH_SECRET: 'jwt-refresh',
  INTERNAL_SECRET: 'internal',
  FIELD_KEYS: 'field',
  KEY_LOG_SECRET: 'key-log',
} as const;

const CHECKS: Checks = {
  configuration: () => ok('valid for all services'),
  ...machineChecks,
  ...serverChecks,
  ...exposureChecks,
};

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        only: { type: 'string' },
        backups: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    const names = chosen(values.only);
    const patient = examine(values.backups);
    const show = values.json ? showAsJson : showAsText;
    let failures = 0;
    for (const name of names) {
      const finding = await check(name, patient);
      const isNamed = values.only !== undefined;
      if (finding.level === 'fail' || (isNamed && finding.level === 'unknown')) failures += 1;
      show(name, finding);
    }
    return failures === 0 ? 0 : EXIT_FAILED;
  } catch (error) {
    const code = explainFailure(error);
    if (code === EXIT_USAGE) console.error(USAGE);
    return code;
  }
}

function chosen(only: string | undefined): string[] {
  const all = Object.keys(CHECKS);
  const names = only?.split(',').map((name) => name.trim()) ?? all;
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined) throw wrongCall(`there is no check ${unknown}: ${all.join(', ')}`);
  return names;
}

/** Reads and makes nothing. Throws a ConfigError. */
function examine(backups: string | undefined): Patient {
  const { environment } = source;
  const directory = dataDirectory();
  const known = Object.entries(SECRETS).map(([variable, file]) => {
    const named = environment[`${variable}_FILE`];
    const text = environment[variable] || readIfThere(named || secretFile(file)) || undefined;
    return [variable, text?.split(',').map((one) => one.trim())] as const;
  });
  // What is not known here is no fault of the rest.
  const standIn = () => randomBytes(32).toString('base64url');
  const defaults = Object.fromEntries(
    known.map(([variable, values]) => [variable, values?.join(',') ?? standIn()]),
  );
  const config = loadConfig(StandaloneConfig, {
    ...source,
    defaults: { DATA_DIR: directory, ...defaults },
  });
  const { url, host } = config.database;
  const isEmbedded = url === undefined && host === undefined;
  return { config, secrets: new Map(known), environment, isEmbedded, backups };
}

async function check(name: string, patient: Patient): Promise<Finding> {
  const run = CHECKS[name];
  if (run === undefined) throw new Error(`no check ${name}`);
  try {
    return await run(patient);
  } catch (error) {
    const { code = 'no code' } = Object(error);
    const says = `could not be checked: ${fileFault(error) ?? code}`;
    return { level: 'fail', says, todo: 'see what it names' };
  }
}

function showAsJson(name: string, finding: Finding): void {
  console.log(JSON.stringify({ check: name, ...finding }));
}

/** Columns as wide as the longest name and level. */
function showAsText(name: string, { level, says, todo }: Finding): void {
  console.log(`${level.padEnd(8)}${name.padEnd(22)}${says}`);
  if (todo !== undefined) console.log(`${' '.repeat(30)}-> ${todo}`);
}
