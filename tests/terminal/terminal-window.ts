/** A terminal with the program in it, driven as a person does: keys go in, the screen is read. By tmux, one server for each. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleTerminal } from '../../scripts/terminal.ts';
import { findProgram } from '../daemon.ts';

export interface WindowOptions {
  /** A directory of the test's own, where the window keeps what the program wrote, and works. */
  readonly directory: string;
  readonly name: string;
  readonly words: readonly string[];
  readonly columns?: number;
  readonly rows?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/** How long a test waits for what a screen is to show: the machine may be busy. */
const SCREEN_MS = 45_000;

/** Between two looks: each one starts a process. */
const LOOK_MS = 40;

/** One window. */
export class TerminalWindow {
  readonly #socket: string;
  readonly #raw: string;
  #isClosed = false;

  private constructor(socket: string, raw: string) {
    this.#socket = socket;
    this.#raw = raw;
  }

  /** Starts the program in a window of its own. */
  static async open(options: WindowOptions): Promise<TerminalWindow> {
    const { directory, name, words, columns = 80, rows = 24, environment = {} } = options;
    const entry = await bundleTerminal();
    const raw = join(directory, `${name}.raw`);
    mkdirSync(directory, { recursive: true });
    const window = new TerminalWindow(join(directory, `${name}.tmux`), raw);
    const variables = Object.entries(environment).flatMap(([key, value]) => [
      '-e',
      `${key}=${value}`,
    ]);
    const size = ['-x', String(columns), '-y', String(rows)];
    // A shell stays behind the program, so that its exit code can be read from the screen.
    const command = [process.execPath, entry, ...words].map(quoted).join(' ');
    const place = ['-c', directory];
    window.#tmux('new-session', '-d', '-s', 'main', ...size, ...variables, ...place, 'sh');
    window.#tmux('set-option', '-g', 'window-size', 'manual');
    window.#tmux('pipe-pane', '-t', 'main', '-o', `cat >> ${quoted(raw)}`);
    window.type(command);
    window.press('Enter');
    return window;
  }

  /** What stands on the screen, its blank ends left out. */
  screen(): string {
    return this.#tmux('capture-pane', '-p', '-t', 'main');
  }

  /** Every byte that was written to the terminal so far. */
  written(): string {
    return readFileSync(this.#raw, 'latin1');
  }

  /** The same, as text. */
  drawn(): string {
    return readFileSync(this.#raw, 'utf8');
  }

  /** Letters, as they are. */
  type(text: string): void {
    this.#tmux('send-keys', '-t', 'main', '-l', '--', text);
  }

  /** Text out of a clipboard, marked as such where the program wants it. */
  paste(text: string): void {
    this.#tmux('set-buffer', '--', text);
    this.#tmux('paste-buffer', '-p', '-r', '-t', 'main');
  }

  /** Keys by tmux's names: `Enter`, `PPage`, `C-c`. */
  press(...keys: readonly string[]): void {
    this.#tmux('send-keys', '-t', 'main', ...keys);
  }

  /** A line, and Enter once it is there. */
  async say(text: string): Promise<void> {
    this.type(text);
    await this.until((screen) => screen.includes(`› ${text.slice(0, 20)}`), `typed: ${text}`);
    this.press('Enter');
  }

  /** Leaves a page that stands in the place of the messages: what is typed at once behind Esc is another key. */
  async leave(): Promise<void> {
    this.press('Escape');
    await this.until((screen) => !screen.includes('Esc closes'), 'no page');
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-t', 'main', '-x', String(columns), '-y', String(rows));
  }

  /** Waits until the screen shows a text. */
  sees(text: string): Promise<void> {
    return this.until((screen) => screen.includes(text), text);
  }

  /** Waits until the screen is as a test wants it. Rejects with what it shows instead. */
  async until(isSo: (screen: string) => boolean, what: string): Promise<void> {
    const deadline = Date.now() + SCREEN_MS;
    for (;;) {
      const screen = this.screen();
      if (isSo(screen)) return;
      if (Date.now() > deadline) throw new Error(`the screen does not show: ${what}\n${screen}`);
      await sleep(LOOK_MS);
    }
  }

  /** Ends the program in the middle of whatever it does. */
  kill(): void {
    const shell = this.#tmux('display-message', '-p', '-t', 'main', '#{pane_pid}').trim();
    const pids = execFileSync('ps', ['-o', 'pid=', '--ppid', shell], { encoding: 'utf8' });
    for (const pid of pids.split('\n').filter((line) => line.trim() !== '')) {
      process.kill(Number(pid), 'SIGKILL');
    }
  }

  /** Ends the window, and what runs in it. */
  close(): void {
    if (!this.#isClosed) this.#tmux('kill-server');
    this.#isClosed = true;
  }

  #tmux(...words: readonly string[]): string {
    const tmux = findProgram('tmux', process.env.PATH ?? '');
    if (tmux === undefined) throw new Error('these tests need tmux: apt-get install tmux');
    // Whoever runs the tests may be inside tmux, and began them by npm in another directory than the window's.
    const { TMUX: _inside, INIT_CWD: _begun, ...environment } = process.env;
    return execFileSync(tmux, ['-S', this.#socket, '-f', '/dev/null', ...words], {
      encoding: 'utf8',
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: environment,
    });
  }
}

/** Registers in a window, from the first question to the chat. */
export async function registerIn(
  window: TerminalWindow,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<void> {
  await window.sees('1, 2 or 3?');
  window.type('1');
  window.press('Enter');
  await window.sees('Your name');
  window.type(username);
  window.press('Enter');
  await window.sees('A password:');
  window.type(password);
  window.press('Enter');
  await window.sees('The same again:');
  window.type(password);
  window.press('Enter');
  await window.sees('press Enter');
  window.press('Enter');
  await window.sees('● connected');
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
