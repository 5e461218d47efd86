/**
 * Starts a script of this repository on a machine that has nothing but some Node >= 20 and npm.
 *
 * Plain JavaScript, because the machine's own Node may know no TypeScript. It installs what the lockfile names when
 * that is not there yet, then hands over to the Node 26 that came with it: arguments, output, signals and exit code.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { takeLock } from './install-lock.mjs';

const NODE_MAJOR_MIN = 20;
const PACKAGE_MANAGER = 'pnpm@12.21.0';

/** A signal that comes again within this time is the same one: a terminal signals the group, and npm passes its copy on. */
const SAME_SIGNAL_MS = 1_000;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const node = join(modules, '.bin', 'node');
const marker = join(modules, '.sotto-installed');

const [script, ...scriptArguments] = process.argv.slice(2);
if (script === undefined) fail('usage: node scripts/launch.mjs SCRIPT [ARGUMENTS]');
if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
  fail(`Node ${NODE_MAJOR_MIN} or newer is needed to start, this is ${process.version}`);
}
const wanted = installation();
if (!isInstalled(wanted)) await install(wanted);
checkNode();
process.exit(await runScript());

/** What is to be installed: the lockfile's content, on this kind of machine. */
function installation() {
  const lockfile = readFileSync(join(root, 'pnpm-lock.yaml'));
  const digest = createHash('sha256').update(lockfile).digest('hex');
  return `${digest} ${process.platform}-${process.arch}\n`;
}

function isInstalled(wanted) {
  return existsSync(node) && existsSync(marker) && readFileSync(marker, 'utf8') === wanted;
}

async function install(wanted) {
  const release = await takeLock(join(root, '.install.lock'), {
    isNeedless: () => isInstalled(wanted),
    onWait: () => say('another process is installing: waiting for it'),
  }).catch((error) => fail(`cannot install into ${root}: ${error.message}`));
  if (release === undefined) return;
  if (!isInstalled(wanted)) await installNow(wanted);
  release();
}

async function installNow(wanted) {
  say('fetching what this version needs from the npm registry (once; a minute or so) …');
  // What an interrupted install leaves is of no version.
  rmSync(marker, { force: true });
  const [command, argv] = installCommand();
  // The package manager is a script of the machine's own Node, not of the one that may lie in node_modules/.bin.
  const env = { ...process.env, PATH: searchPath() };
  // Its list of packages and its warnings about the machine's Node tell nobody anything, unless it fails.
  const said = mkdtempSync(join(tmpdir(), 'sotto-install-'));
  const output = openSync(join(said, 'output'), 'w');
  const stdio = ['ignore', output, output];
  const code = await runChild(command, argv, { stdio, env, wholeGroup: true });
  closeSync(output);
  if (code !== 0) process.stderr.write(readFileSync(join(said, 'output')));
  rmSync(said, { recursive: true, force: true });
  if (code > 128) process.exit(code);
  if (code !== 0) fail('installing failed (see above); is the npm registry within reach?');
  writeMarker(wanted);
}

function searchPath() {
  return `${dirname(process.execPath)}:${process.env.PATH ?? ''}`;
}

/** Under sudo the install belongs to the owner of the checkout, so that they can go on without sudo. */
function installCommand() {
  const npx = join(dirname(process.execPath), 'npx');
  const flags = ['--frozen-lockfile', '--config.confirm-modules-purge=false'];
  const argv = ['-y', PACKAGE_MANAGER, 'install', ...flags];
  const command = existsSync(npx) ? npx : 'npx';
  const owner = String(statSync(root).uid);
  if (process.getuid?.() !== 0 || owner === '0' || process.env.SUDO_UID !== owner)
    return [command, argv];
  return ['sudo', ['-H', '-u', `#${owner}`, 'env', `PATH=${searchPath()}`, command, ...argv]];
}

/** Written by rename: a marker is whole or absent. It goes to whoever owns the modules. */
function writeMarker(wanted) {
  const draft = `${marker}.${process.pid}`;
  writeFileSync(draft, wanted);
  renameSync(draft, marker);
}

/** The loader's own words for a missing library help nobody. */
function checkNode() {
  const { status, stderr, error } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (status === 0) return;
  if (stderr?.includes('libatomic.so.1')) {
    fail(
      'Node 26 needs the library libatomic.so.1; install it, on Debian or Ubuntu: apt-get install libatomic1',
    );
  }
  fail(
    `Node 26 does not run on this machine: ${(stderr || error?.message || '').trim().split('\n')[0]}`,
  );
}

function runScript() {
  // The fourth channel closes when this process dies, however it dies; scripts end themselves then.
  return runChild(node, [script, ...scriptArguments], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...compileCache(), ...process.env },
  });
}

/** Node keeps what it has compiled there, and starts twice as fast. Not for another user: the owner could not remove it. */
function compileCache() {
  const isOwn = process.getuid === undefined || statSync(modules).uid === process.getuid();
  return isOwn ? { NODE_COMPILE_CACHE: join(modules, '.cache', 'node') } : {};
}

/**
 * Runs a child in a process group of its own, so that a terminal's Ctrl+C reaches it through here alone, and once.
 * Resolves to its exit code, or to 128 and the signal that ended it.
 */
function runChild(command, argv, { wholeGroup = false, ...options }) {
  const child = spawn(command, argv, {
    ...options,
    cwd: wholeGroup ? root : undefined,
    detached: true,
  });
  const kill = (signal) => {
    if (child.exitCode === null && child.signalCode === null) {
      process.kill(wholeGroup ? -child.pid : child.pid, signal);
    }
  };
  const release = forwardSignals(kill);
  return new Promise((resolve) => {
    child.on('error', (error) => fail(`cannot start ${command}: ${error.message}`));
    child.on('exit', (code, signal) => {
      release();
      resolve(signal === null ? code : 128 + constants.signals[signal]);
    });
  });
}

function forwardSignals(kill) {
  let last = 0;
  const forward = (signal) => {
    if (Date.now() - last < SAME_SIGNAL_MS) return;
    last = Date.now();
    // A terminal that closes asks to stop, in a word that every script of ours knows.
    kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  // The child is in no terminal's foreground, so that nobody but us tells it of another size.
  const resize = () => kill('SIGWINCH');
  process.on('SIGWINCH', resize);
  const watch = watchParent(() => kill('SIGTERM'));
  return () => {
    clearInterval(watch);
    process.off('SIGWINCH', resize);
    for (const signal of signals) process.off(signal, forward);
  };
}

/** npm that is killed leaves its scripts behind, unless they look after themselves. */
function watchParent(onGone) {
  if (process.env.npm_lifecycle_event === undefined) return undefined;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    onGone();
  }, 500);
  return watch;
}

function say(line) {
  process.stderr.write(`sotto: ${line}\n`);
}

function fail(line) {
  say(line);
  process.exit(1);
}
