/** Our driver for a harness that measures messaging servers; `messages.bench.ts` says which. */
import { Device } from '../device.ts';
import { type Place, readPlace, startMeasuredPlatform, tokens } from '../platform.ts';

export const variants = {
  sotto: { note: 'five processes, PostgreSQL, NATS and Redis, through the gateway' },
};

export async function startServer(_variant: string, directory: string, options: { users: number }) {
  const { roots, stop } = await startMeasuredPlatform({ directory, users: options.users });
  return { roots, stop };
}

let known: { place: Place; token: (user: number) => Promise<string> } | undefined;

/** A client of user `i`. The harness drives from a child of the process that has started the platform. */
export function client(_variant: string, i: number) {
  known ??= meet();
  const { place, token } = known;
  return new Device({ place, user: i, token: () => token(i) });
}

function meet() {
  const place = readPlace(process.ppid);
  return { place, token: tokens(place) };
}

export const address = (i: number): number => i;
