import { ApiError } from '@sotto/api';
import { CryptoError } from '@sotto/crypto';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { ClientError, ConnectionError } from '../errors.ts';
import { CALLS_RUNNING_MAX, PULSE_MS, PULSES_MISSED_MAX } from './limits.ts';
import { type Line, portLine } from './line.ts';
import { type Ask, LostAnswer, openWire, type Wire } from './wire.ts';

let ports: MessageChannel;
let answer: Ask;
let asking: Wire;
let answering: Wire;

beforeEach(() => {
  ports = new MessageChannel();
  answer = async (_, [value]) => value;
  asking = openWire(portLine(ports.port1), async () => {
    throw new TypeError('nothing is answered here');
  });
  answering = openWire(portLine(ports.port2), (...asked) => answer(...asked));
});
afterEach(() => {
  asking.close();
  answering.close();
});

test('plain data, bytes, dates and blobs come through as they are', async () => {
  const value = { text: 'a', list: [1, null, undefined, true, 2n], at: new Date(7), none: {} };
  expect(await asking.ask('echo', [value])).toEqual(value);
  const alike = { '~sotto': 'function', reference: 1, of: { '~sotto': { '~sotto': 'fields' } } };
  expect(await asking.ask('echo', [alike])).toEqual(alike);
  const part = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
  expect(await asking.ask('echo', [part])).toEqual(new Uint8Array([2, 3]));
  const blob = await asking.ask('echo', [new Blob(['blob'], { type: 'text/plain' })]);
  expect(blob instanceof Blob && (await blob.text())).toBe('blob');
});

test.each([
  [new ClientError('outbox.full', 'full', { cause: new RangeError('too far') }), ClientError],
  [new ConnectionError('gone'), ConnectionError],
  [new CryptoError('session.none', 'none'), CryptoError],
  [new ApiError('rate.limited', { retryAfter: 7 }), ApiError],
  [new RangeError('too far'), RangeError],
  [new TypeError('another type'), TypeError],
  [new DOMException('enough', 'AbortError'), DOMException],
  [new Error('a bug'), Error],
])('%s is the same error on the other side', async (error, kind) => {
  answer = async () => {
    throw error;
  };
  const rebuilt: unknown = await asking.ask('fail', []).catch((it) => it);
  expect(rebuilt).toBeInstanceOf(kind);
  const parts = (it: unknown) => {
    const { name, message, code, options, cause } = it as Partial<ApiError & { cause: Error }>;
    return { name, message, code, options, cause: cause?.message };
  };
  expect(parts(rebuilt)).toEqual(parts(error));
});

test('a listener among the arguments hears until the answer, a stream is read as it is asked for', async () => {
  const heard = vi.fn();
  const pulled = vi.fn();
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        pulled();
        controller.enqueue(new Uint8Array([pulled.mock.calls.length]));
      },
    },
    { highWaterMark: 0 },
  );
  answer = async (_, [listener, given]) => {
    await (listener as (told: unknown) => Promise<void>)('news');
    const reader = (given as ReadableStream<Uint8Array>).getReader();
    const pieces = [await reader.read(), await reader.read()];
    await reader.cancel();
    return pieces.map(({ value }) => value);
  };
  const pieces = await asking.ask('take', [heard, stream]);
  expect(heard.mock.calls).toEqual([['news']]);
  expect(pieces).toEqual([new Uint8Array([1]), new Uint8Array([2])]);
  expect(pulled).toHaveBeenCalledTimes(2);
});

test('what is given up is given up on the other side, and rejects with the reason that was given', async () => {
  const begun = Promise.withResolvers<void>();
  const seen = Promise.withResolvers<unknown>();
  answer = (_, __, signal) => {
    begun.resolve();
    return new Promise((_, reject) =>
      signal?.addEventListener('abort', () => {
        seen.resolve(signal.reason);
        reject(signal.reason);
      }),
    );
  };
  const giving = new AbortController();
  const call = asking.ask('wait', [{ signal: giving.signal }]);
  await begun.promise;
  const reason = new ClientError('file.size', 'too large after all');
  giving.abort(reason);
  await expect(call).rejects.toBe(reason);
  expect(await seen.promise).toMatchObject({ code: 'file.size' });
});

test('a call is lost when the other side goes, and what it was at is given up', async () => {
  const given = Promise.withResolvers<unknown>();
  const begun = Promise.withResolvers<void>();
  answer = (_, __, signal) => {
    begun.resolve();
    return new Promise(() => signal?.addEventListener('abort', () => given.resolve(signal.reason)));
  };
  const call = asking.ask('wait', []);
  await begun.promise;
  asking.close();
  await expect(call).rejects.toBeInstanceOf(LostAnswer);
  expect(await given.promise).toBeInstanceOf(LostAnswer);
  await expect(asking.ask('wait', [])).rejects.toBeInstanceOf(LostAnswer);
});

test.each([
  'nonsense',
  { type: 'call', id: 0, to: 'echo', args: [] },
  { type: 'call', id: 1, to: 'echo', args: new Array(99).fill(0) },
  { type: 'call', id: 1, to: 'e'.repeat(100), args: [] },
  { type: 'shout' },
])('a side that says %o is talked with no more', async (frame) => {
  ports.port1.postMessage(frame);
  await vi.waitFor(() => expect(answering.closed.aborted).toBe(true));
});

test.each([
  ['stands for nothing', { '~sotto': 'magic', reference: 1 }],
  ['is no number', { '~sotto': 'function', reference: 'one' }],
  ['is too deep', nested(100)],
])('a value that %s is refused, and the line stays', async (_, value) => {
  ports.port1.postMessage({ type: 'call', id: 1_000, to: 'echo', args: [value] });
  expect(await asking.ask('echo', ['still here'])).toBe('still here');
});

test('what cannot be carried is refused before it leaves', async () => {
  await expect(asking.ask('echo', [new Map()])).rejects.toBeInstanceOf(TypeError);
  await expect(asking.ask('echo', [nested(100)])).rejects.toBeInstanceOf(TypeError);
});

test('calls are begun in the order in which they were made', async () => {
  const begun: unknown[] = [];
  answer = async (_, [value]) => void begun.push(value);
  const numbers = Array.from({ length: CALLS_RUNNING_MAX }, (_, index) => index);
  await Promise.all(numbers.map((value) => asking.ask('note', [value])));
  expect(begun).toEqual(numbers);
});

test('more calls at once than anybody makes are refused', async () => {
  answer = () => new Promise(() => {});
  for (let made = 0; made < CALLS_RUNNING_MAX; made++) asking.ask('wait', []).catch(() => {});
  await expect(asking.ask('wait', [])).rejects.toBeInstanceOf(RangeError);
});

test('when the other side stops answering, calls are given up but for patient ones, and all is well when it goes on', async () => {
  const { watching, other } = watchOne(async (_, [value]) => value);
  expect(await watching.ask('echo', ['before'])).toBe('before');
  other.stop();
  const [call, patient] = [watching.ask('echo', [1]), watching.ask('wait', [2])];
  vi.advanceTimersByTime(PULSE_MS * (PULSES_MISSED_MAX + 1));
  await expect(call).rejects.toMatchObject({ code: 'client.silent' });
  await expect(watching.ask('echo', [3])).rejects.toMatchObject({ code: 'client.silent' });
  expect(watching.silent.get()).toBe(true);
  other.goOn();
  expect(await patient).toBe(2);
  expect(watching.silent.get()).toBe(false);
  expect(await watching.ask('echo', [4])).toBe(4);
});

test('what was given up before the other side went on is not begun', async () => {
  const begun = vi.fn();
  const { watching, other } = watchOne(async (name) => begun(name));
  other.stop();
  const call = watching.ask('send', []);
  vi.advanceTimersByTime(PULSE_MS * (PULSES_MISSED_MAX + 1));
  await expect(call).rejects.toMatchObject({ code: 'client.silent' });
  await other.holds(['call', 'ping', 'cancel']);
  other.goOn();
  await vi.waitFor(() => expect(watching.silent.get()).toBe(false));
  await watching.ask('read', []);
  expect(begun.mock.calls).toEqual([['read']]);
});

test('a side that answers is not silent, however long nobody asks it for anything', async () => {
  const { watching } = watchOne(async () => 'here');
  for (let look = 0; look < 3 * PULSES_MISSED_MAX; look++) {
    vi.advanceTimersByTime(PULSE_MS);
    expect(await watching.ask('echo', [])).toBe('here');
  }
  expect(watching.silent.get()).toBe(false);
});

test('what comes of a call that was given up is not kept', async () => {
  const begun = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<unknown>();
  const { watching, other } = watchOne(() => {
    begun.resolve();
    return opened.promise;
  });
  const call = watching.ask('open', []);
  await begun.promise;
  other.stop();
  vi.advanceTimersByTime(PULSE_MS * (PULSES_MISSED_MAX + 1));
  await expect(call).rejects.toMatchObject({ code: 'client.silent' });
  other.goOn();
  opened.resolve({ read: () => 'never read' });
  await vi.waitFor(() => expect(other.heard).toContainEqual({ type: 'drop', reference: 1 }));
});

/** Somebody who watches one who answers, and who can be stopped. */
function watchOne(answers: Ask) {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const { port1, port2 } = new MessageChannel();
  const line = portLine(port2);
  const heard: unknown[] = [];
  const waiting: unknown[] = [];
  let isStopped = false;
  let hear: (value: unknown) => void = () => {};
  const stoppable: Line = {
    ...line,
    listen(listener) {
      hear = (value) => {
        heard.push(value);
        listener(value);
      };
      line.listen((value) => (isStopped ? waiting.push(value) : hear(value)));
    },
  };
  const answerer = openWire(stoppable, answers);
  const isPatient = (name: string) => name === 'wait';
  const watching = openWire(portLine(port1), answers, { isPatient });
  onTestFinished(() => {
    vi.useRealTimers();
    watching.close();
    answerer.close();
  });
  const stop = () => {
    isStopped = true;
  };
  const goOn = () => {
    isStopped = false;
    for (const value of waiting.splice(0)) hear(value);
  };
  const holds = (types: readonly string[]) =>
    vi.waitFor(() =>
      expect(waiting).toEqual(types.map((type) => expect.objectContaining({ type }))),
    );
  return { watching, other: { heard, stop, goOn, holds } };
}

function nested(depth: number): unknown {
  return depth === 0 ? 'the bottom' : { deeper: nested(depth - 1) };
}
