/** What each of our images weighs, how long its service takes to start, and whether its containers are closed. */
import { setTimeout as pause } from 'node:timers/promises';
import {
  type ContainerInspection,
  containerFaults,
  type ImageInspection,
  imageFaults,
  judgeStarts,
  materialFaults,
  startMs,
} from './inspection.ts';
import { SERVICES } from './operator.ts';
import { type Container, type Stack, UP_MS_MAX } from './stack.ts';

/** One of them may be what the machine did beside it. */
const STARTS = 3;
/** Times are the engine's: who looks seldom disturbs little. */
const LOOK_EVERY_MS = 1_000;
const READY_MS_MAX = 60_000;

/** Of one image. */
export interface Survey {
  readonly image: string;
  readonly bytes: number | undefined;
  /** Undefined for what is no service of ours. */
  readonly startMs: number | undefined;
  readonly faults: readonly string[];
}

/** Looks at all, and starts one container of each service a few times. What cannot be told is a fault. All are healthy in the end. */
export async function survey(stack: Stack, signal: AbortSignal): Promise<Survey[]> {
  const { services }: Composition = JSON.parse(await stack.compose(['config', '--format', 'json']));
  const containers = await stack.containers();
  const found: Survey[] = [];
  for (const [service, { image = '', build }] of Object.entries(services)) {
    if (build == null) continue;
    const own = containers.filter((container) => container.service === service);
    const one = surveyOne({ stack, signal, service, image, containers: own });
    found.push(
      await one.catch((error: unknown) => {
        signal.throwIfAborted();
        const [first = ''] = String(error).split('\n');
        return { image, bytes: undefined, startMs: undefined, faults: [first] };
      }),
    );
  }
  await stack.up();
  return found;
}

/** As much as is asked of `docker compose config`. */
interface Composition {
  readonly services: Readonly<Record<string, { readonly image?: string; readonly build?: object }>>;
}

interface Place {
  readonly stack: Stack;
  readonly signal: AbortSignal;
  readonly service: string;
  readonly image: string;
  readonly containers: readonly Container[];
}

async function surveyOne(place: Place): Promise<Survey> {
  const { stack, service, image, containers } = place;
  const about = await inspect<ImageInspection>(stack, ['image', 'inspect', image]);
  const faults = imageFaults(about, { service, version: image.split(':').at(-1) ?? '' });
  for (const { name } of containers) {
    const own = containerFaults(await inspect<ContainerInspection>(stack, ['inspect', name]));
    faults.push(...own.map((fault) => `${name}: ${fault}`));
  }
  faults.push(...(await materials(place)));
  const { ms, faults: late } = judgeStarts(await starts(place));
  return { image, bytes: about.Size, startMs: ms, faults: [...faults, ...late] };
}

async function inspect<What extends object>(
  { docker }: Stack,
  words: readonly string[],
): Promise<Partial<What>> {
  const [first]: Partial<What>[] = JSON.parse(await docker(words));
  return first ?? {};
}

/** What HAProxy's image holds is what dpkg there says. */
async function materials({ stack, service, containers }: Place): Promise<string[]> {
  if (service === 'tools') {
    const run = ['run', '--rm', '-T', '--no-deps', 'tools', 'cat', '/sotto/sbom.cdx.json'];
    const document = await stack.compose(run, UP_MS_MAX);
    return materialFaults(document, ['libc6', 'dpkg', 'node', 'npm', 'zod']);
  }
  const [container] = containers;
  if (container === undefined || !isService(service)) return [];
  const script = "process.stdout.write(require('node:fs').readFileSync('/sotto/sbom.cdx.json'))";
  const document = await stack.docker(['exec', container.name, 'node', '-e', script]);
  return materialFaults(document, ['libc6', 'node', 'zod']);
}

async function starts(place: Place): Promise<(number | undefined)[]> {
  const [container] = place.containers;
  if (container === undefined || !isService(place.service)) return [];
  const times: (number | undefined)[] = [];
  while (times.length < STARTS) times.push(await startOf(container, place));
  return times;
}

function isService(service: string): boolean {
  return SERVICES.some((name) => name === service);
}

async function startOf({ name }: Container, { stack, signal }: Place): Promise<number | undefined> {
  await stack.docker(['restart', name]);
  const { State } = await inspect<ContainerInspection>(stack, ['inspect', name]);
  const deadline = performance.now() + READY_MS_MAX;
  for (;;) {
    await pause(LOOK_EVERY_MS, undefined, { signal });
    const ms = startMs(State?.StartedAt, await stack.docker(['logs', '--timestamps', name]));
    if (ms !== undefined || performance.now() > deadline) return ms;
  }
}
