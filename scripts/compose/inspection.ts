/** What the engine tells of our images and containers, held to what docs/operations/deploy.md says of them. Engines that tell less make a fault of it. */

/** Of the services' images, as the engine counts: unpacked. */
const IMAGE_BYTES_MAX = 250e6;
const START_MS_MAX = 1_000;

const LABELS = ['title', 'description', 'version', 'licenses', 'source', 'revision'] as const;

/** As much as is asked of `docker inspect CONTAINER`. */
export interface ContainerInspection {
  readonly Config?: { readonly User?: string };
  readonly HostConfig?: {
    readonly ReadonlyRootfs?: boolean;
    readonly CapDrop?: readonly string[] | null;
    readonly CapAdd?: readonly string[] | null;
    readonly SecurityOpt?: readonly string[] | null;
    readonly Memory?: number;
    readonly PidsLimit?: number | null;
  };
  readonly State?: { readonly StartedAt?: string };
}

/** As much as is asked of `docker image inspect`. */
export interface ImageInspection {
  readonly Size?: number;
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null };
}

/** What one of our containers could do that it has no need of. */
export function containerFaults({ Config, HostConfig = {} }: ContainerInspection): string[] {
  const { ReadonlyRootfs, CapDrop, CapAdd, SecurityOpt, Memory, PidsLimit } = HostConfig;
  const User = Config?.User;
  const isClosed = SecurityOpt?.some((option) => /^no-new-privileges([:=]true)?$/.test(option));
  const held: readonly (readonly [isRight: boolean | undefined, told: object])[] = [
    [ReadonlyRootfs, { ReadonlyRootfs }],
    [CapDrop?.includes('ALL'), { CapDrop }],
    [(CapAdd ?? []).length === 0, { CapAdd }],
    [isClosed, { SecurityOpt }],
    [/^65532(:65532)?$/.test(User ?? ''), { User }],
    [Memory !== undefined && Memory > 0, { Memory }],
    [(PidsLimit ?? 0) > 0, { PidsLimit }],
  ];
  return held.filter(([isRight]) => isRight !== true).map(([, told]) => words(told));
}

/** Labels that an image lacks or that are another's, and a size that is too large; the size of `tools` is not bounded. */
export function imageFaults(
  { Size, Config }: ImageInspection,
  { service, version }: { readonly service: string; readonly version: string },
): string[] {
  const labels = Object.fromEntries(
    LABELS.map((name) => [name, Config?.Labels?.[`org.opencontainers.image.${name}`]]),
  );
  const { title } = labels;
  // It has a shell, npm and all of Debian's slim for people, and runs for as long as a command does.
  const bytesMax = service === 'tools' ? Number.POSITIVE_INFINITY : IMAGE_BYTES_MAX;
  return [
    ...(Size !== undefined && Size <= bytesMax ? [] : [words({ Size })]),
    ...LABELS.filter((name) => !labels[name]).map((name) => `no label ${name}`),
    ...(title === undefined || title === `sotto-${service}` ? [] : [words({ title })]),
    ...(labels.version === undefined || labels.version === version
      ? []
      : [words({ version: labels.version })]),
  ];
}

/** What an image holds for sure and its list of materials does not name. */
export function materialFaults(document: string, names: readonly string[]): string[] {
  try {
    const { components }: { components: { name: string }[] } = JSON.parse(document);
    const listed = new Set(components.map(({ name }) => name));
    return names.filter((name) => !listed.has(name)).map((name) => `${name} is not in its SBOM`);
  } catch {
    return ['its SBOM cannot be read'];
  }
}

/**
 * Milliseconds from when the engine called a container started to its line `ready`; undefined while there is none.
 * `log` is that of `docker logs --timestamps`, whose clock is the same.
 */
export function startMs(startedAt: string | undefined, log: string): number | undefined {
  const begun = Date.parse(startedAt ?? '');
  const [first] = log
    .split('\n')
    .filter((line) => /^\S+ ready https?:/.test(line))
    .map((line) => Date.parse(line.split(' ', 1)[0] ?? '') - begun)
    .filter((ms) => ms >= 0);
  return first;
}

/** The middle one of several starts, and what is wrong with it. */
export function judgeStarts(starts: readonly (number | undefined)[]): {
  readonly ms: number | undefined;
  readonly faults: readonly string[];
} {
  const known = starts.filter((ms) => ms !== undefined).toSorted((one, other) => one - other);
  if (known.length < starts.length) return { ms: undefined, faults: ['did not say `ready`'] };
  const ms = known[Math.floor(known.length / 2)];
  return { ms, faults: ms !== undefined && ms > START_MS_MAX ? ['starts too slowly'] : [] };
}

function words(told: object): string {
  return Object.entries(told)
    .map(([name, value]) => `${name} is ${JSON.stringify(value) ?? 'not told'}`)
    .join(', ');
}
