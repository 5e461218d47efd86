/** A program in a folder of its own gets the SDK as the guide says: npm links it, Node runs it and `tsc` checks it. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const guide = readFileSync(join(root, 'docs/sdk.md'), 'utf8');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sotto elsewhere '));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the commands of the guide run a program, and the configuration of the guide checks it', async () => {
  const [, commands = expect.fail('the guide has no commands')] =
    /^```\n(npm init (?:.*\n)*?)```$/m.exec(guide) ?? [];
  const [, config = expect.fail('the guide has no configuration')] =
    /^```json\n(.*extends.*\n)```$/m.exec(guide) ?? [];
  await writeFile(
    join(folder, 'bot.ts'),
    "import { openClient } from './guide.ts';\nprocess.stdout.write(openClient.name);\n",
  );
  // It imports every sub-path that Node has a use for.
  copyFileSync(join(root, 'packages/client/examples/guide.ts'), join(folder, 'guide.ts'));
  const said = await run(commands.replaceAll('~/sotto', '"$SOTTO"'));
  expect(said.split('\n').at(-1)).toBe('openClient');

  await writeFile(join(folder, 'tsconfig.json'), config.replace('../sotto/', root));
  // What `npm install --save-dev @types/node` would fetch.
  mkdirSync(join(folder, 'node_modules/@types'));
  symlinkSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'));
  expect(await run('"$SOTTO"/node_modules/.bin/tsc')).toBe('');
  await writeFile(join(folder, 'wrong.ts'), "export const wrong: number = 'text';\n");
  await expect(run('"$SOTTO"/node_modules/.bin/tsc')).rejects.toMatchObject({
    stdout: expect.stringContaining('wrong.ts'),
  });
}, 120_000);

/** What a command says to standard output, in the program's folder. Nothing is to be fetched. */
async function run(command: string): Promise<string> {
  const env = { ...process.env, SOTTO: root, npm_config_offline: 'true' };
  const { stdout } = await promisify(execFile)('sh', ['-ec', command], { cwd: folder, env });
  return stdout;
}
