import { ApiError, ConversationId, DeviceId, MessageId, UserId } from '@sotto/api';
import {
  createLimiters,
  createMemoryCounters,
  createMetrics,
  type Limiter,
  type Limiters,
} from '@sotto/runtime';
import { expect, onTestFinished, test } from 'vitest';
import { SEND_LINES_MAX } from './limits.ts';
import { type Lane, makeSend, type Send } from './send.ts';
import { limitSends, type SendLimits } from './send-limit.ts';

const id = (number: number) => `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`;
const AMPLE = 1_000_000;
const LIMITS = { sendPerMinute: 3, sendBurst: 5, sendPerMinuteAll: AMPLE };

interface Sent {
  conversation?: number;
  user?: number;
  kind?: 'direct' | 'targeted';
  lane?: Lane;
}

function start(limits: SendLimits = LIMITS, given?: Limiters) {
  const counters = createMemoryCounters();
  onTestFinished(() => counters.close());
  const limiters = given ?? createLimiters({ counters, metrics: createMetrics('test') });
  const submitted: Send[] = [];
  const submitting = limitSends({ submit: (send) => void submitted.push(send) }, limiters, limits);
  let made = 0;
  const make = (
    { conversation = 1, user = 1, kind = 'direct', lane }: Sent = {},
    onRefused = (_: ApiError): void => undefined,
  ) => {
    made += 1;
    return makeSend({
      message: {
        kind,
        id: MessageId.parse(id(made)),
        conversation: ConversationId.parse(id(conversation)),
        recipients: [],
      },
      sender: { user: UserId.parse(id(user)), device: DeviceId.parse(id(user)) },
      lane: lane ?? { pending: new Set() },
      answer: { onStored: () => undefined, onRefused },
    });
  };
  /** Resolves with the code of a refusal, or with `taken`. */
  const send = (sent?: Sent) =>
    new Promise<string>((resolve) => {
      const one = make(sent, ({ code }) => resolve(code));
      submitting.submit(one);
      void expect
        .poll(() => submitted.includes(one), { timeout: 200 })
        .toBe(true)
        .then(
          () => resolve('taken'),
          () => undefined,
        );
    });
  return { make, send, submitted, submitting };
}

/** A limiter for one name; the others have all points that anybody wants. */
function onlyOf(wanted: string, limiter: Limiter): Limiters {
  const take = async () => ({ limit: AMPLE, remaining: AMPLE, resetMs: 60_000 });
  return { limiter: (name) => (name === wanted ? limiter : { ...limiter, take }) };
}

test('so much goes to the committer, in its order, and the rest is refused with when to come back', async () => {
  const { send, submitted } = start();
  const answers = await Promise.all(Array.from({ length: 8 }, () => send()));
  expect(answers).toEqual([...Array(5).fill('taken'), ...Array(3).fill('rate.limited')]);
  expect(submitted.map(({ message }) => message.id)).toEqual([1, 2, 3, 4, 5].map(id));
});

test('other conversations, other users and the handing out of keys have their own', async () => {
  const { send } = start({ ...LIMITS, sendPerMinute: 1, sendBurst: 1 });
  expect(await send()).toBe('taken');
  expect(await send()).toBe('rate.limited');
  expect(await send({ conversation: 2 })).toBe('taken');
  expect(await send({ user: 2 })).toBe('taken');
  expect(await send({ kind: 'targeted' })).toBe('taken');
  expect(await send({ kind: 'targeted' })).toBe('rate.limited');
});

test('all conversations of one sender together have a budget too', async () => {
  const { send, submitted } = start({ sendPerMinute: 30, sendBurst: 120, sendPerMinuteAll: 40 });
  const sends = Array.from({ length: 60 }, (_, at) => send({ conversation: at % 20 }));
  const answers = await Promise.all([...sends, send({ user: 2 })]);
  expect(answers.pop()).toBe('taken');
  expect(answers.filter((answer) => answer === 'taken')).toHaveLength(40);
  expect(answers.filter((answer) => answer === 'rate.limited')).toHaveLength(20);
  expect(await send({ kind: 'targeted', conversation: 99 })).toBe('rate.limited');
  expect(submitted).toHaveLength(41);
});

test('what a sender asks for in many conversations at once is one question', async () => {
  const asked: string[] = [];
  const take = async (key: string, points = 1) => {
    asked.push(`${key} ${points}`);
    return { limit: 600, remaining: 1, resetMs: 60_000 };
  };
  const nothing = async () => undefined;
  const limiter = { take, check: nothing, count: async () => false, give: nothing, reset: nothing };
  const { send } = start({ ...LIMITS, sendPerMinuteAll: 600 }, onlyOf('send-all', limiter));
  await Promise.all(Array.from({ length: 50 }, (_, conversation) => send({ conversation })));
  expect(asked).toEqual([`${id(1)} 60`]);
});

test('when somebody waits in every line that is kept, the next is asked to come back', async () => {
  const never = () => new Promise<never>(() => undefined);
  const nothing = async () => undefined;
  const count = async () => false;
  const limiter = { take: never, check: nothing, count, give: nothing, reset: nothing };
  const { submitting, make, send } = start(LIMITS, { limiter: () => limiter });
  for (let user = 1; user <= SEND_LINES_MAX; user += 1) submitting.submit(make({ user }));
  expect(await send({ user: SEND_LINES_MAX + 1 })).toBe('message.busy');
});

test('a refusal bars what came after it in its lane', async () => {
  const { send } = start({ ...LIMITS, sendPerMinute: 1, sendBurst: 1 });
  const lane = { pending: new Set<Send>() };
  const answers = await Promise.all([send({ lane }), send({ lane }), send({ lane })]);
  expect(answers).toEqual(['taken', 'rate.limited', 'message.after-refused']);
  expect(lane.pending.size).toBe(1);
});

test('an answer of the counters that comes late lets nothing overtake', async () => {
  const waits: (() => void)[] = [];
  const take = () =>
    new Promise<{ limit: number; remaining: number; resetMs: number }>((resolve) => {
      waits.push(() => resolve({ limit: 1, remaining: 1, resetMs: 1 }));
    });
  const nothing = async () => undefined;
  const count = async () => false;
  const limiter = { take, check: nothing, count, give: nothing, reset: nothing };
  const { send, submitted } = start(LIMITS, onlyOf('send', limiter));
  // A key that is handed out has a budget of its own, and no other place in the order.
  const answers = [send(), send({ kind: 'targeted' }), send()];
  await expect.poll(() => waits.length).toBe(3);
  for (const answer of waits.reverse()) answer();
  await Promise.all(answers);
  expect(submitted.map(({ message }) => message.id)).toEqual([1, 2, 3].map(id));
});

test('nothing overtakes what waits, however many others send meanwhile', async () => {
  const waits: (() => void)[] = [];
  const points = { limit: 1, remaining: 1, resetMs: 60_000 };
  const take = async (key: string) => {
    if (key.startsWith(id(1))) await new Promise<void>((resolve) => waits.push(resolve));
    return points;
  };
  const nothing = async () => undefined;
  const count = async () => false;
  const limiter = { take, check: nothing, count, give: nothing, reset: nothing };
  const { submitting, submitted, make } = start(LIMITS, onlyOf('send', limiter));
  const [first, second] = [make(), make()];
  submitting.submit(first);
  for (let user = 2; user < SEND_LINES_MAX + 10; user += 1) {
    submitting.submit(make({ user }));
    // Not so many in one turn that somebody waits in every line.
    if (user % 1_000 === 0) await new Promise(setImmediate);
  }
  submitting.submit(second);
  await expect.poll(() => submitted.length).toBe(SEND_LINES_MAX + 8);
  for (const answer of waits.reverse()) {
    answer();
    await new Promise(setImmediate);
  }
  await expect.poll(() => submitted.includes(second)).toBe(true);
  expect(submitted.slice(-2)).toEqual([first, second]);
});

test('the counters are asked for a tenth of a minute at a time, and for all that came together at once', async () => {
  const asked: number[] = [];
  const take = async (_key: string, points = 1) => {
    asked.push(points);
    return { limit: 100, remaining: 1, resetMs: 60_000 };
  };
  const nothing = async () => undefined;
  const limiter = { take, check: nothing, count: async () => false, give: nothing, reset: nothing };
  const limits = { ...LIMITS, sendPerMinute: 100, sendBurst: 100 };
  const { send, submitted } = start(limits, onlyOf('send', limiter));
  await Promise.all(Array.from({ length: 25 }, () => send()));
  expect(asked).toEqual([10, 10, 10]);
  // Five are in hand.
  await Promise.all(Array.from({ length: 5 }, () => send()));
  expect(asked).toHaveLength(3);
  await send();
  expect(asked).toHaveLength(4);
  expect(submitted).toHaveLength(31);
});

test('points that are not used within their window are gone', async () => {
  let asked = 0;
  const take = async () => {
    asked += 1;
    return { limit: 100, remaining: 1, resetMs: 20 };
  };
  const nothing = async () => undefined;
  const limiter = { take, check: nothing, count: async () => false, give: nothing, reset: nothing };
  const { send } = start(
    { ...LIMITS, sendPerMinute: 100, sendBurst: 100 },
    onlyOf('send', limiter),
  );
  await send();
  const sendAndCount = async () => {
    await send();
    return asked;
  };
  await expect.poll(sendAndCount).toBeGreaterThan(1);
});

test('of two nodes with the same counters neither gives what the other has in hand', async () => {
  const counters = createMemoryCounters();
  onTestFinished(() => counters.close());
  const limiters = createLimiters({ counters, metrics: createMetrics('test') });
  const limits = { ...LIMITS, sendPerMinute: 40, sendBurst: 60 };
  const nodes = [start(limits, limiters), start(limits, limiters)];
  const sends = Array.from({ length: 100 }, (_, at) => nodes[at % 2]?.send());
  const taken = (await Promise.all(sends)).filter((answer) => answer === 'taken');
  // Each may have up to three points left of its last four.
  expect(taken.length).toBeGreaterThanOrEqual(54);
  expect(taken.length).toBeLessThanOrEqual(60);
});

test('a committer that is full refuses as ever', async () => {
  const counters = createMemoryCounters();
  onTestFinished(() => counters.close());
  const limiters = createLimiters({ counters, metrics: createMetrics('test') });
  const full = {
    submit() {
      throw new ApiError('message.busy');
    },
  };
  const refused = await new Promise((resolve) => {
    limitSends(full, limiters, LIMITS).submit(
      makeSend({
        message: {
          kind: 'direct',
          id: MessageId.parse(id(1)),
          conversation: ConversationId.parse(id(1)),
          recipients: [],
        },
        sender: { user: UserId.parse(id(1)), device: DeviceId.parse(id(1)) },
        lane: { pending: new Set() },
        answer: { onStored: () => undefined, onRefused: ({ code }) => resolve(code) },
      }),
    );
  });
  expect(refused).toBe('message.busy');
});
