/** The processes of `follow.test.ts`, which do what the test says. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Orders, Told } from './follow-program.ts';

const PROGRAM = fileURLToPath(new URL('follow-program.ts', import.meta.url));

const running = new Set<ChildProcess>();

/** A process that follows, or is followed. */
export interface Running {
  readonly process: ChildProcess;
  /** What it told to be in the store. */
  readonly said: string[];
  readonly do: Orders;
}

/** Starts one on a store, and resolves when it has a client. */
export async function startProcess(url: string, path: string): Promise<Running> {
  const child = fork(PROGRAM, [url, path]);
  running.add(child);
  child.on('exit', () => running.delete(child));
  const said: string[] = [];
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  const expectAnswer = (order: number) => {
    const answer = Promise.withResolvers<unknown>();
    waiting.set(order, answer);
    return answer.promise;
  };
  child.on('message', (told: Told) => {
    if ('said' in told) return said.push(told.said);
    const answer = waiting.get(told.order);
    if (told.error === undefined) answer?.resolve(told.result);
    else answer?.reject(new Error(told.error));
  });
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the process has ended'));
  });
  async function order<T>(name: keyof Orders, ...args: unknown[]): Promise<T> {
    last += 1;
    child.send({ order: last, name, args });
    return (await expectAnswer(last)) as T;
  }
  await expectAnswer(0);
  return {
    process: child,
    said,
    do: {
      enter: (username) => order('enter', username),
      say: (conversation, prefix, count) => order('say', conversation, prefix, count),
      lines: (conversation) => order('lines', conversation),
      send: (conversation, text) => order('send', conversation, text),
      connection: () => order('connection'),
      silences: () => order('silences'),
      renewals: () => order('renewals'),
      close: () => order('close'),
    },
  };
}

/** Ends those that still run, stopped ones too. */
export function endProcesses(): void {
  for (const child of running) child.kill('SIGKILL');
}
