/** Each endpoint of the key service to one call of the domain. */
import {
  countPrekeys,
  getBundle,
  getIdentity,
  publishIdentity,
  publishOneTimePrekeys,
  publishSignedPrekey,
} from '@sotto/api';
import { findDeviceList } from '@sotto/api/internal';
import { type App, type Guards, mount } from '@sotto/runtime';
import { issueBundle } from './bundles.ts';
import { deviceListOf } from './device-lists.ts';
import { identityOf, publishIdentityKey } from './identities.ts';
import type { KeyDeps } from './key-deps.ts';
import { publishPrekeys } from './one-time-prekeys.ts';
import { publishPrekey } from './signed-prekeys.ts';
import { countOneTimePrekeys, newestSignedPrekey } from './store.ts';

/** Mounts all routes. */
export function routes(app: App, guards: Guards, deps: KeyDeps): void {
  const { query } = deps.database;
  mount(app, guards, publishIdentity, ({ caller, body }) => publishIdentityKey(deps, caller, body));
  mount(app, guards, getIdentity, ({ params }) => identityOf(query, params.user_id));
  mount(app, guards, publishSignedPrekey, ({ caller, body }) => publishPrekey(deps, caller, body));
  mount(app, guards, publishOneTimePrekeys, ({ caller, body }) =>
    publishPrekeys(deps, caller, body.prekeys),
  );
  mount(app, guards, getBundle, ({ caller, params, query: { device } }) =>
    issueBundle(deps, caller, { user: params.user_id, device }),
  );
  mount(app, guards, countPrekeys, async ({ caller }) => {
    const signed = await newestSignedPrekey(query, caller.device);
    return {
      oneTimePrekeys: await countOneTimePrekeys(query, caller.device),
      ...(signed !== undefined && { signedPrekey: signed.id }),
    };
  });
  mount(app, guards, findDeviceList, async ({ params }) => {
    const list = await deviceListOf(query, params.user_id);
    return list === undefined ? {} : { list };
  });
}
