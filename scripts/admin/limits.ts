/** `limits …`: what people may do how often, and a new beginning for somebody who used it up. */
import { hash } from 'node:crypto';
import { parseArgs } from 'node:util';
import {
  CommandError,
  createLogger,
  type LimitsSection,
  limitsSection,
  loadConfig,
  onlyWord,
  openRedisCounters,
  redisSection,
  table,
} from '@sotto/runtime';
import { z } from 'zod';
import { accountOf } from '../../services/auth/src/admin/words.ts';
import { usernameKey } from '../../services/auth/src/credential-rules.ts';
import { source } from '../backup/site.ts';
import type { Operation } from './operation.ts';

const LimitsConfig = z.object({ limits: limitsSection, redis: redisSection });

/** The limits that count by account alone, each with the points that it has; by what they count. */
const OF_USER: Readonly<Record<string, keyof LimitsSection>> = {
  user: 'userPerMinute',
  files: 'filesPerMinute',
  'upload-pieces': 'uploadPiecesPerMinute',
  'send-all': 'sendPerMinuteAll',
  'group-strangers': 'groupStrangersPerDay',
  'bundle-target': 'bundlePerTarget',
};

/** Those that count failed log-ins of a name; the lock of one address ends by itself after LIMITS_LOGIN_LOCK. */
const OF_NAME = ['login-account', 'login-turn'];

/** `limits show [USER]`. */
export const showLimits: Operation = async ({ auth, terminal }, words) => {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: { json: { type: 'boolean' } },
    allowPositionals: true,
  });
  const { limits, redis } = loadConfig(LimitsConfig, source);
  if (positionals.length === 0) {
    show(terminal, Object.entries(limits), values.json === true);
    return;
  }
  const { id } = await accountOf({ database: auth }, onlyWord(positionals, 'user'));
  const spent = await withBudgets(redis, (budgetOf) =>
    Promise.all(
      Object.entries(OF_USER).map(async ([name, field]) => {
        const found = await budgetOf(name, Number(limits[field])).get(digest(id));
        return [name, `${found?.consumedPoints ?? 0} of ${limits[field]}`] as const;
      }),
    ),
  );
  show(terminal, spent, values.json === true);
};

/** `limits reset USER`. */
export const resetLimits: Operation = async ({ auth, audit, terminal }, words) => {
  const { positionals } = parseArgs({ args: [...words], options: {}, allowPositionals: true });
  const { id, username } = await accountOf({ database: auth }, onlyWord(positionals, 'user'));
  const { redis } = loadConfig(LimitsConfig, source);
  await withBudgets(redis, async (budgetOf) => {
    const keys = [
      ...Object.keys(OF_USER).map((name) => [name, id] as const),
      ...OF_NAME.map((name) => [name, usernameKey(username)] as const),
    ];
    for (const [name, key] of keys) {
      await budgetOf(name, 1).delete(digest(key));
      await budgetOf(`${name}-burst`, 1).delete(digest(key));
    }
  });
  await audit.note(auth.query, { action: 'admin.acted', command: 'limits reset', user: id });
  terminal.out(`the limits of ${username} begin anew`);
};

type Budgets = (name: string, points: number) => Budget;
type Budget = ReturnType<Awaited<ReturnType<typeof openRedisCounters>>['budget']>;

async function withBudgets<Result>(
  { url, ca }: z.output<typeof redisSection>,
  work: (budgetOf: Budgets) => Promise<Result>,
): Promise<Result> {
  if (url === undefined) {
    throw new CommandError(
      'without Redis the platform counts in its own memory: a restart resets it',
    );
  }
  const log = createLogger({ service: 'admin', level: 'silent' });
  const counters = await openRedisCounters({ url, ca, log });
  try {
    await counters.ping();
    // The window is Redis's own; only the name and the key matter here.
    return await work((name, points) => counters.budget(name, { points, windowMs: 60_000 }));
  } finally {
    await counters.close();
  }
}

/** As `rate-limit.ts` of the runtime keeps keys. */
function digest(key: string): string {
  return hash('sha256', key, 'base64url');
}

function show(
  terminal: Parameters<Operation>[0]['terminal'],
  rows: readonly (readonly [string, unknown])[],
  isJson: boolean,
): void {
  if (isJson) terminal.out(JSON.stringify(Object.fromEntries(rows)));
  else
    for (const line of table(
      ['LIMIT', ''],
      rows.map(([name, value]) => [name, String(value)]),
    ))
      terminal.out(line);
}
