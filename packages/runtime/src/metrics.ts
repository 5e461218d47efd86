/** Numbers that Prometheus reads. Labels are few and from closed lists: never an identifier. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds. Fine below 50 ms, where the platform is meant to live. */
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface Metrics {
  /** A number that only rises; the name ends in `_total`. */
  counter<L extends string>(name: string, help: string, labels?: readonly L[]): Counter<L>;
  /** A distribution; buckets suit seconds unless others are given. */
  histogram<L extends string>(
    name: string,
    help: string,
    options?: { labels?: readonly L[]; buckets?: readonly number[] },
  ): Histogram<L>;
  /** A number that rises and falls. */
  gauge<L extends string>(name: string, help: string, labels?: readonly L[]): Gauge<L>;
  /** The exposition, and its media type. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** A registry of its own: two services in one process do not share numbers. Names get the prefix `sotto_`. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  processGauges(registry);
  const named = (name: string) => `sotto_${name}`;
  return {
    counter: (name, help, labels = []) =>
      new Counter({ name: named(name), help, labelNames: labels, registers: [registry] }),
    histogram: (name, help, { labels = [], buckets = LATENCY_BUCKETS } = {}) =>
      new Histogram({
        name: named(name),
        help,
        labelNames: labels,
        buckets: [...buckets],
        registers: [registry],
      }),
    gauge: (name, help, labels = []) =>
      new Gauge({ name: named(name), help, labelNames: labels, registers: [registry] }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** Read when asked for; prom-client's own collection keeps timers and observers running. */
function processGauges(registry: Registry): void {
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the process',
    registers: [registry],
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'process_cpu_seconds',
    help: 'CPU time of the process, user and system',
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.set((user + system) / 1e6);
    },
  });
}
