/** One platform for a file of tests, with people in windows of terminals, and people who use the SDK and cost little. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient, openMemoryStore } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
import { registerIn, TerminalWindow, type WindowOptions } from './terminal-window.ts';

/** What everybody here logs in with. */
export const PASSWORD = 'Correct-Horse-7';

/** Closed by whoever opened it, with everything that was opened on it. */
export interface Stage {
  readonly url: string;
  /** Where windows work, and keep their accounts. */
  readonly directory: string;
  /** A window of somebody who has just registered. */
  enter(username: string, options?: Partial<WindowOptions>): Promise<TerminalWindow>;
  /** A window with the program in it, on an account that is there, or will be. */
  open(account: string, options?: Partial<WindowOptions>): Promise<TerminalWindow>;
  /** Somebody who has another program: registered, and connected. */
  befriend(username: string): Promise<Client>;
  /** A device with an empty store, which nobody has logged in on. */
  newDevice(): Client;
  /** Stops the platform as a power cut does, and starts it on the same data and port. */
  restart(whileDown: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** Starts a platform. */
export async function openStage(): Promise<Stage> {
  const first = await startStandalone({ environment: { ...NO_LIMITS } });
  const directory = mkdtempSync(join(tmpdir(), 'sotto-terminal-'));
  let running: Standalone = first;
  const windows: TerminalWindow[] = [];
  let opened = 0;
  const clients: Client[] = [];
  const { url } = first;

  async function open(account: string, options: Partial<WindowOptions> = {}) {
    const words = ['--data', join(directory, `data-${account}`), '--url', url];
    opened += 1;
    const window = await TerminalWindow.open({ directory, name: `${opened}`, words, ...options });
    windows.push(window);
    return window;
  }
  function newDevice(): Client {
    const client = createClient({ url, store: openMemoryStore(), provider: nodeProvider });
    clients.push(client);
    return client;
  }
  return {
    url,
    directory,
    open,
    newDevice,
    async enter(username, options) {
      const window = await open(username, options);
      await registerIn(window, { username, password: PASSWORD });
      return window;
    },
    async befriend(username) {
      const client = newDevice();
      await client.register({ username, password: PASSWORD });
      await client.connect();
      return client;
    },
    async restart(whileDown) {
      await running.kill();
      await whileDown();
      const { dataDirectory } = first;
      const environment = { ...NO_LIMITS, SERVER_PORT: new URL(url).port };
      running = await startStandalone({ dataDirectory, environment });
    },
    async close() {
      for (const window of windows) window.close();
      await Promise.all(clients.map((client) => client.close()));
      if (running !== first) await running.stop();
      await first.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
