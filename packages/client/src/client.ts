/** `createClient`: the parts put together. */
import { openAccountDoor, openDeviceDoor } from './client-account.ts';
import { openBackupDoor } from './client-backup.ts';
import { openContentDoor } from './client-content.ts';
import { ClientCore } from './client-core.ts';
import { openGroupsDoor } from './client-groups.ts';
import type { Client } from './client-interface.ts';
import type { ClientOptions } from './client-options.ts';
import { openPeopleDoor } from './client-people.ts';
import { openPushDoor } from './client-push.ts';
import { openTalkDoor } from './client-talk.ts';
import { openTrustDoor } from './client-trust.ts';
import { heeding, heedingEach } from './connection/heeding.ts';
import { eachEvent } from './event-loop.ts';
import { openState } from './state/state.ts';

export type { Client, ClientOptions };

/** A client for one store. Nothing happens before a method is called. Throws a `TypeError` for a `url` that is none. */
export function createClient(options: ClientOptions): Client {
  assertOrigin(options.url);
  const core = new ClientCore(options);
  const groups = openGroupsDoor(core);
  return {
    ...heedingEach(openAccountDoor(core)),
    ...heedingEach(openDeviceDoor(core)),
    ...openTalkDoor(core),
    ...openContentDoor(core),
    ...heedingEach(openTrustDoor(core)),
    ...openBackupDoor(core),
    ...heedingEach(openPushDoor(core)),
    groups: heedingEach(groups),
    people: heedingEach(openPeopleDoor(core, groups)),
    connect: (options = {}) => heeding(options, () => core.connect()),
    close: () => core.close(),
    on: core.events.on,
    each: (name, { signal } = {}) => {
      const ended = signal ? AbortSignal.any([signal, core.closing]) : core.closing;
      return eachEvent(core.events, name, ended);
    },
    state: openState(core),
  };
}

/** `localhost:8080` is a URL too, of a scheme `localhost`. */
function assertOrigin(url: string): void {
  const scheme = URL.parse(url)?.protocol;
  if (scheme === 'https:' || scheme === 'http:') return;
  throw new TypeError(`url is to be an origin, such as https://chat.example.org, not ${url}`);
}
