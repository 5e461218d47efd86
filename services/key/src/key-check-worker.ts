/** The thread that checks keys. Answers each question in its turn. */
import { parentPort } from 'node:worker_threads';
import { findFault, type KeyCheck, type KeyFault } from './key-check.ts';

export interface CheckQuestion {
  id: number;
  check: KeyCheck;
}

export interface CheckAnswer {
  id: number;
  fault?: KeyFault;
}

parentPort?.on('message', ({ id, check }: CheckQuestion) => {
  const fault = findFault(check);
  const answer: CheckAnswer = { id, ...(fault !== undefined && { fault }) };
  parentPort?.postMessage(answer);
});
