#!/usr/bin/env node
/**
 * The command `sotto`, for a PATH: `ln -s "$PWD/apps/terminal/sotto.mjs" ~/.local/bin/sotto`. Plain JavaScript, for whatever
 * Node the machine has; the launcher finds the right one.
 */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(realpathSync(fileURLToPath(import.meta.url))), '..', '..');
// npm's own variable, where this was started by a script of npm: here paths are the caller's.
delete process.env.INIT_CWD;
process.argv.splice(2, 0, join(root, 'scripts', 'terminal.ts'));
await import(pathToFileURL(join(root, 'scripts', 'launch.mjs')).href);
