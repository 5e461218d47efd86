/** `createClient`: the parts put together. */
import { openAccountDoor, openDeviceDoor } from './client-account.ts';
import { ClientCore } from './client-core.ts';
import type { Client, ClientOptions } from './client-interface.ts';
import { openTalkDoor } from './client-talk.ts';
import { openTrustDoor } from './client-trust.ts';

export type { Client, ClientOptions };

/** A client for one store. Nothing happens before a method is called. Throws a `TypeError` for a `url` that is none. */
export function createClient(options: ClientOptions): Client {
  assertOrigin(options.url);
  const core = new ClientCore(options);
  return {
    ...openAccountDoor(core),
    ...openDeviceDoor(core),
    ...openTalkDoor(core),
    ...openTrustDoor(core),
    connect: () => core.connect(),
    close: () => core.close(),
    on: core.events.on,
  };
}

/** `localhost:8080` is a URL too, of a scheme `localhost`. */
function assertOrigin(url: string): void {
  const scheme = URL.parse(url)?.protocol;
  if (scheme === 'https:' || scheme === 'http:') return;
  throw new TypeError(`url is to be an origin, such as https://chat.example.org, not ${url}`);
}
