/** How full the logs of the bus are, as a number for Prometheus: what a full one refuses waits in the outboxes. */
import type { Bus, Closable } from './bus.ts';
import { BUS_LEVEL_WARN, BUS_LEVELS_MS } from './limits.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface LevelsOptions {
  bus: Pick<Bus, 'levels'>;
  metrics: Pick<Metrics, 'gauge'>;
  log: Logger;
  everyMs?: number;
}

/** Asks now and then, for one service of a platform; while the bus is out of reach there is no number. Close it. */
export function meterLevels({
  bus,
  metrics,
  log,
  everyMs = BUS_LEVELS_MS,
}: LevelsOptions): Closable {
  const fill = metrics.gauge('bus_log_fill_ratio', 'How full a log of the bus is, from 0 to 1', [
    'log',
  ]);
  /** Told once, until there is room again. */
  const filling = new Set<string>();
  let asking = Promise.resolve();
  async function ask(): Promise<void> {
    try {
      for (const { log: name, messages, max } of await bus.levels()) {
        const ratio = messages / max;
        fill.set({ log: name }, ratio);
        const isFilling = ratio >= BUS_LEVEL_WARN;
        if (isFilling && !filling.has(name)) {
          log.warn('a log of the bus fills up', { name, count: messages });
        }
        if (isFilling) filling.add(name);
        else filling.delete(name);
      }
    } catch (error) {
      fill.reset();
      log.debug('the levels of the bus cannot be had', { error });
    }
  }
  const begin = (): void => {
    asking = ask();
  };
  begin();
  const timer = setInterval(begin, everyMs).unref();
  return {
    async close() {
      clearInterval(timer);
      await asking;
    },
  };
}
