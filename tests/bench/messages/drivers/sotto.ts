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

/** There is one room, whose members are in it already. */
class Driven extends Device {
  async join(_room: string): Promise<void> {}
  sendRoom(_room: string, text: string): void {
    this.sendGroup(text);
  }
}

let known: { place: Place; token: (user: number) => Promise<string> } | undefined;

/** A client of user `i`. The harness drives from a child of the process that has started the platform. */
export function client(_variant: string, i: number) {
  known ??= meet();
  const { place, token } = known;
  return new Driven({ place, user: i, group: place.group, token: () => token(i) });
}

function meet() {
  const place = readPlace(process.ppid);
  return { place, token: tokens(place) };
}

export const address = (i: number): number => i;
