/** What can be killed, paused and started again: a server, or a process of the platform, always at its own address. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, findProgram, startDaemon, waitFor } from '../daemon.ts';
import { type PlatformProcess, startProcess } from '../platform-process.ts';
import { isAlive, signal } from './processes.ts';

export interface Machine {
  name: string;
  /** Ends all of it in the middle of whatever it does. */
  kill(): Promise<void>;
  /** Asks it to end in order, and waits for that. */
  end(): Promise<void>;
  /** Resolves when it serves again. */
  start(): Promise<void>;
  /** Removes what it has stored. It must be down. */
  wipe(): void;
  /** Stops it in its tracks, and lets it go on. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

const START_MS = 60_000;
const END_MS = 5_000;

/** A process of ours, at the same port each time. */
export async function startService(
  name: string,
  main: string,
  environment: Readonly<Record<string, string>>,
): Promise<Machine> {
  let running = await startProcess(main, environment);
  return {
    name,
    kill: () => running.kill(),
    end: async () => void (await running.stop()),
    async start() {
      running = await persist(() => startProcess(main, environment));
    },
    wipe: () => undefined,
    pause: () => signal([running.pid], 'SIGSTOP'),
    resume: () => signal([running.pid], 'SIGCONT'),
    async close() {
      signal([running.pid], 'SIGCONT');
      await running.stop();
    },
  };
}

/** As orchestrators do: what does not come up, because something that it needs is down, is started again. */
async function persist(start: () => Promise<PlatformProcess>): Promise<PlatformProcess> {
  const deadline = Date.now() + START_MS;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(250);
    }
  }
}

export interface ServerOptions {
  name: string;
  program: string;
  argv: readonly string[];
  /** Holds its log. */
  directory: string;
  /** Where it stores what can be wiped. */
  store?: string;
  isReady: () => Promise<boolean>;
}

/** A server that is not ours. */
export async function startServer(options: ServerOptions): Promise<Machine> {
  const { name, program, argv, directory, store, isReady } = options;
  const path = findProgram(program, process.env.PATH ?? '') ?? program;
  const logFile = join(directory, `${name}.log`);
  const start = (): Promise<Daemon> => startDaemon([path, ...argv], { logFile, isReady });
  let running = await start();
  return {
    name,
    async kill() {
      signal([running.pid], 'SIGKILL');
      await waitFor(async () => !isAlive(running.pid), END_MS);
      await running.stop();
    },
    end: () => running.stop(),
    async start() {
      running = await start();
    },
    wipe() {
      if (store !== undefined) rmSync(store, { recursive: true, force: true });
    },
    pause: () => signal([running.pid], 'SIGSTOP'),
    resume: () => signal([running.pid], 'SIGCONT'),
    async close() {
      if (isAlive(running.pid)) signal([running.pid], 'SIGCONT');
      await running.stop();
    },
  };
}
