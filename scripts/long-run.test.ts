import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

function call(script: string, ...flags: string[]) {
  const argv = ['scripts/launch.mjs', `scripts/${script}.ts`, ...flags];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    cwd: root,
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

describe('runs of many minutes', () => {
  it.each([
    ['chaos-sdk', ['--clients', 'x'], '--clients takes a number from 1'],
    ['crash-points', ['--task', 'sleep'], '--task takes one of send'],
    ['restore-check', ['--message', '5'], "Unknown option '--message'"],
  ])('%s says in a line that it was called in a wrong way', (script, flags, why) => {
    const { status, stdout, stderr } = call(script, ...flags);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(why);
    expect(stderr).not.toContain('    at ');
  });

  it('tell what they do', () => {
    const { status, stdout } = call('crash-points', '-h');
    expect(status).toBe(0);
    expect(stdout).toContain('usage: npm run crash-points');
  });
});
