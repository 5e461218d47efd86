/** Numbers that Prometheus reads. Labels are few and from closed lists: never an identifier. */
import { performance } from 'node:perf_hooks';
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
  /** A number that is looked up each time it is asked for; there is none while `read` gives none. Must not throw. */
  reading(name: string, help: string, read: () => number | undefined): void;
  /** The exposition, and its media type. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** A registry of its own: two services in one process do not share numbers. Names get the prefix `sotto_`. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  processNumbers(registry);
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
    reading: (name, help, read) => void gaugeOf(registry, { name: named(name), help, read }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

interface Reading {
  name: string;
  help: string;
  read: () => number | undefined;
}

function gaugeOf(registry: Registry, { name, help, read }: Reading): Gauge {
  return new Gauge({
    ...{ name, help, registers: [registry] },
    collect() {
      const value = read();
      if (value === undefined) this.remove();
      else this.set(value);
    },
  });
}

/** What something else counts, which only rises. */
function counterOf(registry: Registry, { name, help, read }: Reading): Counter {
  return new Counter({
    ...{ name, help, registers: [registry] },
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

/** Read when asked for; prom-client's own collection keeps timers and observers running. */
function processNumbers(registry: Registry): void {
  gaugeOf(registry, {
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the process',
    read: () => process.memoryUsage.rss(),
  });
  gaugeOf(registry, {
    name: 'process_start_time_seconds',
    help: 'When the process began, in seconds since 1970',
    read: () => performance.timeOrigin / 1000,
  });
  gaugeOf(registry, {
    name: 'nodejs_heap_size_used_bytes',
    help: 'JavaScript objects in memory, garbage among them',
    read: () => process.memoryUsage().heapUsed,
  });
  counterOf(registry, {
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process, user and system',
    read() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  });
  counterOf(registry, {
    name: 'nodejs_eventloop_active_seconds_total',
    help: 'Time in which the event loop was at work: 1 in a second is all that there is',
    read: () => performance.eventLoopUtilization().active / 1000,
  });
}
