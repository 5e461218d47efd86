/** Each endpoint of the key log to one call. */
import {
  cosignKeyLogHead,
  getKeyLogAccount,
  getKeyLogHead,
  getKeyLogKeys,
  getKeyLogLeaves,
} from '@sotto/api';
import { type App, type Guards, mount } from '@sotto/runtime';
import { keepCosignature } from './cosigning.ts';
import type { KeyLog } from './key-log.ts';
import { accountSince, headSince, type LogAnswerDeps, leavesFrom } from './log-answers.ts';

export interface LogRoutesDeps extends LogAnswerDeps {
  keyLog: KeyLog;
}

/** Mounts the routes of the key log. */
export function logRoutes(app: App, guards: Guards, deps: LogRoutesDeps): void {
  const { logKey, blindingKey, witnessKeys } = deps.keyLog;
  mount(app, guards, getKeyLogKeys, async () => ({
    logKey: logKey.publicKey,
    blindingKey,
    witnessKeys: [...witnessKeys],
  }));
  mount(app, guards, getKeyLogHead, async ({ query }) => ({
    logKey: logKey.publicKey,
    ...(await headSince(deps, query.from)),
  }));
  mount(app, guards, getKeyLogLeaves, ({ query }) => leavesFrom(deps, query));
  mount(app, guards, getKeyLogAccount, ({ params, query }) =>
    accountSince(deps, { user: params.user_id, from: query.from, seen: query.seen }),
  );
  mount(app, guards, cosignKeyLogHead, ({ body }) => keepCosignature(deps, body));
}
