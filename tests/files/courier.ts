/** A person's phone: a process of its own with a heap that no file fits in, which can be killed and comes back. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Answer, type Done, HEAP_MIB, type Work } from './work.ts';

export interface Courier {
  pid: number;
  /** One thing at a time. Rejects with what went wrong, or with CourierGone. */
  ask(work: Work): Promise<Done>;
  /** Ends it in the middle of whatever it does. */
  kill(): Promise<void>;
}

/** It was killed, or it ran out of memory. */
export class CourierGone extends Error {
  readonly wasKilled: boolean;

  constructor({ exitCode, signalCode }: ChildProcess, said: string) {
    super(`the courier is gone: ${exitCode ?? signalCode}\n${said}`);
    this.wasKilled = signalCode === 'SIGKILL';
  }
}

const program = fileURLToPath(new URL('courier-process.ts', import.meta.url));

/** Starts one. It ends with this process at the latest. */
export function startCourier(): Courier {
  const child = fork(program, {
    execArgv: [`--max-old-space-size=${HEAP_MIB}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { PATH: '/usr/bin:/bin' },
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return {
    pid: child.pid ?? 0,
    ask: (work) => ask(child, work, () => said),
    async kill() {
      if (isGone(child)) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

function ask(child: ChildProcess, work: Work, said: () => string): Promise<Done> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new CourierGone(child, said()));
    if (isGone(child)) return gone();
    child.once('exit', gone);
    child.once('message', (answer: Answer) => {
      child.off('exit', gone);
      if ('done' in answer) resolve(answer.done);
      else reject(new Error(answer.failed));
    });
    child.send(work, (error) => {
      if (error !== null && !isGone(child)) reject(error);
    });
  });
}

function isGone({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
