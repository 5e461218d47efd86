/** The thread that checks keys. Answers each question in its turn. */
import { parentPort } from 'node:worker_threads';
import { findFault } from './key-check.ts';
import type { CheckAnswer, CheckQuestion } from './key-checks.ts';

parentPort?.on('message', ({ id, check }: CheckQuestion) => {
  const fault = findFault(check);
  const answer: CheckAnswer = { id, ...(fault !== undefined && { fault }) };
  parentPort?.postMessage(answer);
});
