import { expect, onTestFinished, test, vi } from 'vitest';
import { meterLevels } from './bus-levels.ts';
import { createLogger } from './log.ts';
import { createMetrics } from './metrics.ts';

test('the number follows the logs, is gone while nobody knows, and an operator is warned once', async () => {
  const lines: string[] = [];
  const log = createLogger({
    service: 'test',
    level: 'warn',
    destination: { write: (line) => void lines.push(line) },
  });
  const metrics = createMetrics('test');
  const state = { messages: 10, isUp: true };
  const meter = meterLevels({
    bus: {
      async levels() {
        if (!state.isUp) throw new Error('no bus');
        return [{ log: 'events', messages: state.messages, max: 100 }];
      },
    },
    ...{ metrics, log, everyMs: 5 },
  });
  onTestFinished(() => meter.close());
  const number = async () =>
    /^sotto_bus_log_fill_ratio\{.*log="events".*\} (\S+)$/m.exec(await metrics.text())?.[1];
  await vi.waitFor(async () => expect(await number()).toBe('0.1'), 20_000);
  state.messages = 90;
  await vi.waitFor(async () => expect(await number()).toBe('0.9'), 20_000);
  state.messages = 95;
  await vi.waitFor(async () => expect(await number()).toBe('0.95'), 20_000);
  state.isUp = false;
  await vi.waitFor(async () => expect(await number()).toBeUndefined(), 20_000);
  expect(lines.filter((line) => line.includes('fills up')).length).toBe(1);
});
