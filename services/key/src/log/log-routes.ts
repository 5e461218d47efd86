/** Each endpoint of the key log to one call. */
import {
  cosignKeyLogHead,
  getKeyLogAccount,
  getKeyLogHead,
  getKeyLogKeys,
  getKeyLogLeaves,
} from '@sotto/api';
import {
  type App,
  type Connection,
  type Guards,
  type Limiter,
  limiterKey,
  mount,
} from '@sotto/runtime';
import { keepCosignature } from './cosigning.ts';
import type { KeyLog } from './key-log.ts';
import { accountSince, headSince, type LogAnswerDeps, leavesFrom } from './log-answers.ts';

export interface LogRoutesDeps extends LogAnswerDeps {
  keyLog: KeyLog;
  /** What one address may ask without an account. */
  readLimit: Pick<Limiter, 'take'>;
}

/** Mounts the routes of the key log. */
export function logRoutes(app: App, guards: Guards, deps: LogRoutesDeps): void {
  const { logKey, blindingKey, witnessKeys } = deps.keyLog;
  mount(app, guards, getKeyLogKeys, async () => ({
    logKey: logKey.publicKey,
    blindingKey,
    witnessKeys: [...witnessKeys],
  }));
  mount(app, guards, getKeyLogAccount, ({ params, query }) =>
    accountSince(deps, { user: params.user_id, from: query.from, seen: query.seen }),
  );
  mount(app, guards, getKeyLogHead, async ({ query, connection }) => {
    await limit(deps, connection);
    return { logKey: logKey.publicKey, ...(await headSince(deps, query.from)) };
  });
  mount(app, guards, getKeyLogLeaves, async ({ query, connection }) => {
    await limit(deps, connection);
    return leavesFrom(deps, query);
  });
  mount(app, guards, cosignKeyLogHead, async ({ body, connection }) => {
    await limit(deps, connection);
    await keepCosignature(deps, body);
  });
}

/** Anyone may ask, and each answer is work. A call within the process comes from nobody. */
async function limit(
  { readLimit }: Pick<LogRoutesDeps, 'readLimit'>,
  connection: Connection | undefined,
): Promise<void> {
  if (connection !== undefined) await readLimit.take(limiterKey(connection.remoteAddress));
}
