/** `audit`. */
import { parseArgs } from 'node:util';
import { UserId } from '@sotto/api';
import { AUDIT_ACTIONS } from '@sotto/api/internal';
import { moment, noWords, table, timeText, wholeNumber, wrongCall } from '@sotto/runtime';
import { type AuditFilter, readAuditRows } from '../audit-store.ts';
import type { AuditLogTable } from '../schema.ts';
import type { AdminDeps, Command } from './command.ts';
import { accountOf } from './words.ts';

const OPTIONS = {
  user: { type: 'string' },
  action: { type: 'string' },
  since: { type: 'string' },
  limit: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Prints the newest lines, page by page, so that a long log fits in memory. */
export const readAudit: Command = async (deps, words) => {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: OPTIONS,
    allowPositionals: true,
  });
  noWords(positionals);
  const bounds = { name: 'limit', least: 1, most: 1_000_000, byDefault: 100 };
  let left = wholeNumber(values.limit, bounds);
  const filter: Omit<AuditFilter, 'limit'> = {
    ...(values.user !== undefined && { user: await userOf(deps, values.user) }),
    ...(values.action !== undefined && { action: actionOf(values.action) }),
    ...(values.since !== undefined && { since: moment(values.since, 'since', deps.clock()) }),
  };
  let before: AuditFilter['before'];
  while (left > 0) {
    const limit = Math.min(left, PAGE_ROWS);
    const rows = await readAuditRows(deps.database.query, {
      ...filter,
      limit,
      ...(before && { before }),
    });
    print(deps, rows, { isJson: values.json === true, isFirst: before === undefined });
    if (rows.length < limit) return;
    before = rows.at(-1);
    left -= rows.length;
  }
};

const PAGE_ROWS = 500;

/** A user who has been erased is found by id alone. */
async function userOf(deps: AdminDeps, word: string): Promise<UserId> {
  const id = UserId.safeParse(word.toLowerCase());
  return id.success ? id.data : (await accountOf(deps, word)).id;
}

function actionOf(word: string): NonNullable<AuditFilter['action']> {
  const action = AUDIT_ACTIONS.find((one) => one === word);
  if (action === undefined) throw wrongCall(`--action is one of: ${AUDIT_ACTIONS.join(', ')}`);
  return action;
}

interface PrintOptions {
  isJson: boolean;
  isFirst: boolean;
}

function print(
  { columns, terminal }: AdminDeps,
  rows: readonly AuditLogTable[],
  { isJson, isFirst }: PrintOptions,
): void {
  const entries = rows.map((row) => ({
    at: row.at.toISOString(),
    id: row.id,
    action: row.action,
    ...(row.command !== null && { command: row.command }),
    user: row.user_id,
    device: row.device_id,
    session: row.session_id,
    source: row.source && columns.openSource(row.id, row.source),
    count: row.count,
  }));
  if (isJson) {
    for (const entry of entries) terminal.out(JSON.stringify(entry));
    return;
  }
  const cells = entries.map(({ action, command, user, device, source, count }, index) => [
    timeText(rows[index]?.at ?? null),
    command === undefined ? action : `${action} (${command})`,
    String(count),
    user ?? '',
    device ?? '',
    source ?? '',
  ]);
  const lines = table(['AT', 'ACTION', 'COUNT', 'USER', 'DEVICE', 'SOURCE'], cells);
  for (const line of isFirst ? lines : lines.slice(1)) terminal.out(line);
}
