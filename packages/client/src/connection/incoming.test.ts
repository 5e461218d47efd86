import { ConversationId, type Slot } from '@sotto/api';
import { expect, test } from 'vitest';
import { SLOTS_PER_RUN_MAX } from '../limits.ts';
import { type IncomingFrame, takeRun } from './incoming.ts';

const ONE = ConversationId.parse('018f0000-0000-7000-8000-00000000000a');
const OTHER = ConversationId.parse('018f0000-0000-7000-8000-00000000000b');

test('frames of one conversation that follow each other are one run, in their order', () => {
  const waiting = [frame(ONE, 1, 2), frame(ONE, 3), frame(OTHER, 1), frame(ONE, 4), heads()];
  expect(all(waiting)).toEqual([frame(ONE, 1, 2, 3), frame(OTHER, 1), frame(ONE, 4), heads()]);
  expect(takeRun(waiting)).toBeUndefined();
});

test('a run ends where the backlog does, and says so', () => {
  const last = { ...frame(ONE, 2), caughtUp: true } as const;
  const waiting = [frame(ONE, 1), last, frame(ONE, 3)];
  expect(all(waiting)).toEqual([{ ...frame(ONE, 1, 2), caughtUp: true }, frame(ONE, 3)]);
});

test('a run has a length that lets others have their turn; a single frame may be longer', () => {
  const seqs = Array.from({ length: SLOTS_PER_RUN_MAX + 5 }, (_, index) => index + 1);
  const waiting = seqs.map((seq) => frame(ONE, seq));
  const lengths = all(waiting).map((run) => run.type === 'slots' && run.slots.length);
  expect(lengths).toEqual([SLOTS_PER_RUN_MAX, 5]);
  expect(all([frame(ONE, ...seqs), frame(ONE, seqs.length + 1)])).toHaveLength(2);
});

function all(waiting: IncomingFrame[]): IncomingFrame[] {
  const runs: IncomingFrame[] = [];
  for (let run = takeRun(waiting); run !== undefined; run = takeRun(waiting)) runs.push(run);
  return runs;
}

function frame(conversation: ConversationId, ...seqs: number[]): IncomingFrame {
  const slots = seqs.map((seq): Slot => ({ type: 'none', from: seq, to: seq }));
  return { type: 'slots', conversation, slots };
}

function heads(): IncomingFrame {
  return { type: 'heads', heads: [] };
}
