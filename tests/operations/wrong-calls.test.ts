/** What an operator is told who calls a command wrongly, at night and beside no platform: what is wrong, and how it goes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../deployments/docker/bundle.ts';
import { type Ended, runScript } from './script.ts';

let nowhere: string;

beforeAll(() => {
  nowhere = mkdtempSync(join(tmpdir(), 'sotto-nowhere-'));
});
afterAll(() => rmSync(nowhere, { recursive: true, force: true }));

const call = (command: string, ...words: string[]): Promise<Ended> =>
  runScript(command, words, { DATA_DIR: nowhere });

describe.each(COMMANDS)('%s', (command) => {
  test('tells how it is called, and with which code it ends', async () => {
    const { code, stdout, stderr } = await call(command, '--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`npm run ${command === 'rotate-field-keys' ? 'admin' : command}`);
    expect(stdout).toContain('Exit codes: 0 ');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(110);
  });
});

/** By the call, the code that it ends with and what standard error begins with, and what else it says. */
const CALLS: readonly [string, number, string, string?][] = [
  ['doctor --nonsense', 64, "Unknown option '--nonsense'", 'usage: npm run doctor'],
  ['doctor extra', 64, "Unexpected argument 'extra'", 'usage: npm run doctor'],
  ['doctor --only nonsense', 64, 'there is no check nonsense: configuration, '],
  ['admin nonsense', 64, 'there is no such command: nonsense', 'npm run admin -- --help'],
  ['admin --nonsense', 64, 'there is no such command: --nonsense', 'npm run admin -- --help'],
  ['admin users nonsense', 64, 'there is no such command: users nonsense', 'users disable USER'],
  ['admin limits', 0, ''],
  ['admin users list', 69, 'there is no platform in '],
  ['admin inspect alice', 69, 'there is no platform in '],
  ['backup', 64, 'say one file or folder', 'usage: npm run backup'],
  ['backup one two', 64, 'say one file or folder', 'usage: npm run backup'],
  ['backup --nonsense one', 64, "Unknown option '--nonsense'", 'usage: npm run backup'],
  ['backup --verify /no/backup', 1, 'there is no /no/backup'],
  ['backup --verify /', 1, 'a file is wanted, and not a folder'],
  ['backup --passphrase-file /no/phrase one', 64, '/no/phrase cannot be read'],
  ['backup one', 1, 'there is no platform in '],
  ['restore', 64, 'say one file', 'usage: npm run restore'],
  ['restore --nonsense one', 64, "Unknown option '--nonsense'", 'usage: npm run restore'],
  ['restore /no/backup', 1, 'there is no /no/backup'],
  ['restore /', 1, 'a file is wanted, and not a folder'],
  ['restored --nonsense', 64, "Unknown option '--nonsense'", 'usage: npm run restored'],
  ['restored extra', 64, "Unexpected argument 'extra'", 'usage: npm run restored'],
  ['restored', 1, 'there is no platform in '],
  ['rotate-field-keys', 69, 'there is no platform in '],
];

test.each(CALLS)('%s ends with %i: %s', async (line, code, says, alsoSays = '') => {
  const [command = '', ...words] = line.split(' ');
  const ended = await call(command, ...words);
  expect(ended.code, ended.stderr).toBe(code);
  expect(ended.stderr).toMatch(new RegExp(`^${says === '' ? '$' : 'sotto: '}`));
  expect(ended.stderr).toContain(says);
  expect(ended.stderr).toContain(alsoSays);
  expect(ended.stderr).not.toMatch(/^ +at /m);
});

test('the doctor names the folder of backups that is not there', async () => {
  const { code, stdout } = await call('doctor', '--only', 'backup', '--backups', '/no/backups');
  expect({ code, stdout }).toEqual({
    code: 1,
    stdout: expect.stringContaining('there is no /no/backups'),
  });
});
