/** What is done to the containers of a platform, one after the other, and how long it took to get over it. */
import { setTimeout as pause } from 'node:timers/promises';
import { upgrade } from './operator.ts';
import type { Container, Stack } from './stack.ts';
import type { Recovery, Talk } from './talk.ts';

/** How long something is gone for, at least. */
const GONE_MS = 5_000;
/** Looked for so long; what a recovery may take is less. */
const WATCH_MS = 120_000;
/** What the platform promises (DESIGN 8). */
const RECOVERY_MS_MAX = 30_000;
/** After minutes without a platform, clients try every half minute. */
const RETURN_MS_MAX = 60_000;

export interface Outcome {
  readonly fault: string;
  /** While it was still gone, of what there are several of. */
  readonly gone: Recovery | undefined;
  /** From when it was brought back. */
  readonly back: Recovery;
  /** What either may take. */
  readonly withinMs: number;
}

const UPGRADE = 'each service made anew';
const RENEWAL = '`down` and `up`';

interface Fault {
  readonly title: string;
  /** Is there another one of it, which has to do meanwhile? */
  readonly isRedundant: boolean;
  /** Resolves to what brings it back. */
  strike(): Promise<() => Promise<unknown>>;
}

export interface FaultsOptions {
  readonly stack: Stack;
  readonly talk: Talk;
  /** Only what has this in its title. */
  readonly only: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Each container is killed in turn, of a cluster one is cut off, services are upgraded, and all are removed and made again. */
export async function sufferFaults(options: FaultsOptions): Promise<Outcome[]> {
  const { stack, say, only } = options;
  const containers = await stack.containers();
  const outcomes: Outcome[] = [];
  const note = (outcome: Outcome): void => {
    outcomes.push(outcome);
    say(JSON.stringify(outcome));
  };
  for (const fault of faultsOf(stack, containers)) {
    if (fault.title.includes(only)) note(await suffer(fault, options));
  }
  if (UPGRADE.includes(only)) note(await renewServices(options));
  if (RENEWAL.includes(only)) note(await makeAnew(options));
  return outcomes;
}

function faultsOf(stack: Stack, containers: readonly Container[]): Fault[] {
  const isOneOfSeveral = ({ service }: Container): boolean =>
    /^nats-\d$/.test(service) || containers.filter((one) => one.service === service).length > 1;
  const kills = containers.filter(isFirst).map((container) => ({
    title: `kill ${label(container)}`,
    isRedundant: isOneOfSeveral(container),
    async strike() {
      await stack.kill(container);
      return () => stack.start(container);
    },
  }));
  const cuts = containers
    .filter((one) => isFirst(one) && isOneOfSeveral(one))
    .map((container) => ({
      title: `cut off ${label(container)}`,
      isRedundant: true,
      strike: () => stack.cutOff(container),
    }));
  return [...kills, ...cuts];
}

/** One of each service, and of the NATS servers each. */
function isFirst({ name }: Container): boolean {
  return name.endsWith('-1');
}

function label({ service, name }: Container): string {
  return name.endsWith(`-${service}-1`) ? service : name;
}

async function suffer(fault: Fault, { talk, signal }: FaultsOptions): Promise<Outcome> {
  const mend = await fault.strike();
  const struckAt = performance.now();
  const gone = fault.isRedundant ? await talk.recover(WATCH_MS) : undefined;
  const left = struckAt + GONE_MS - performance.now();
  if (left > 0) await pause(left, undefined, { signal });
  await mend();
  const back = await talk.recover(WATCH_MS);
  return { fault: fault.title, gone, back, withinMs: RECOVERY_MS_MAX };
}

/** One service after the other, as a new release is taken. */
async function renewServices({ stack, talk }: FaultsOptions): Promise<Outcome> {
  await upgrade(stack);
  const back = await talk.recover(WATCH_MS);
  return { fault: UPGRADE, gone: undefined, back, withinMs: RETURN_MS_MAX };
}

/** Somebody is away meanwhile, and finds what was written before. */
async function makeAnew({ stack, talk }: FaultsOptions): Promise<Outcome> {
  await talk.whileAway(async () => {
    await stack.down();
    await stack.up();
  });
  const back = await talk.recover(WATCH_MS);
  return { fault: RENEWAL, gone: undefined, back, withinMs: RETURN_MS_MAX };
}
