/** Each endpoint of the key service to one call of the domain; those of the key log are beside it. */
import {
  checkKeys,
  countPrekeys,
  getBundle,
  getBundles,
  getDeviceList,
  getIdentity,
  publishDeviceList,
  publishIdentity,
  publishOneTimePrekeys,
  publishSignedPrekey,
  replaceIdentity,
  sendProvisioning,
  takeProvisioning,
} from '@sotto/api';
import {
  exportKeys,
  findDeviceList,
  findIdentity as findIdentityEndpoint,
} from '@sotto/api/internal';
import { type App, type Guards, mount } from '@sotto/runtime';
import { actorOf } from './audit.ts';
import { issueBundle, issueBundles } from './bundles.ts';
import { findEffectiveList } from './device-list-store.ts';
import { publishList, signedListOf } from './device-lists.ts';
import { exportedKeys } from './exported-keys.ts';
import { identityOf, publishIdentityKey } from './identities.ts';
import { replaceIdentityKey } from './identity-replacement.ts';
import type { KeyDeps } from './key-deps.ts';
import { compareView, countKeys } from './key-view.ts';
import { publishPrekeys } from './one-time-prekeys.ts';
import { promptly } from './promptly.ts';
import { leaveMessage, readMessage } from './provisioning.ts';
import { publishPrekey } from './signed-prekeys.ts';
import { findIdentity } from './store.ts';

/** Mounts all routes but those of the key log. */
export function routes(app: App, guards: Guards, deps: KeyDeps): void {
  mountUploads(app, guards, deps);
  mountReads(app, guards, deps);
  mount(app, guards, sendProvisioning, ({ caller, body }) => leaveMessage(deps, caller, body));
  mount(app, guards, takeProvisioning, ({ params }) => readMessage(deps, params.channel));
  const { query } = deps.database;
  mount(app, guards, exportKeys, ({ params }) => exportedKeys(query, params.user_id));
  mount(app, guards, findDeviceList, async ({ params }) => {
    const list = await findEffectiveList(query, params.user_id);
    return list === undefined ? {} : { list };
  });
  mount(app, guards, findIdentityEndpoint, async ({ params }) => {
    const identity = await findIdentity(query, params.user_id);
    return identity === undefined ? {} : { identityKey: identity.public_key };
  });
}

function mountUploads(app: App, guards: Guards, deps: KeyDeps): void {
  mount(app, guards, publishIdentity, (call) => publishIdentityKey(deps, actorOf(call), call.body));
  mount(app, guards, replaceIdentity, (call) => replaceIdentityKey(deps, actorOf(call), call.body));
  mount(app, guards, publishSignedPrekey, (call) => publishPrekey(deps, actorOf(call), call.body));
  mount(app, guards, publishOneTimePrekeys, (call) =>
    publishPrekeys(deps, actorOf(call), call.body.prekeys),
  );
  mount(app, guards, publishDeviceList, (call) => publishList(deps, actorOf(call), call.body.list));
}

function mountReads(app: App, guards: Guards, deps: KeyDeps): void {
  const { query } = deps.database;
  mount(app, guards, getIdentity, ({ params }) => promptly(identityOf(query, params.user_id)));
  mount(app, guards, getDeviceList, ({ params }) => promptly(signedListOf(query, params.user_id)));
  mount(app, guards, getBundle, ({ caller, params, query: { device }, request: { signal } }) =>
    promptly(issueBundle(deps, caller, { user: params.user_id, device, signal })),
  );
  mount(app, guards, getBundles, ({ caller, body: { users }, request: { signal } }) =>
    promptly(issueBundles(deps, caller, { users, signal })),
  );
  mount(app, guards, countPrekeys, ({ caller }) => promptly(countKeys(deps, caller)));
  mount(app, guards, checkKeys, ({ caller, query: { digest } }) =>
    promptly(compareView(deps, caller, digest)),
  );
}
