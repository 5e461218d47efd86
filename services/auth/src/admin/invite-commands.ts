/** `invite …`. */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import {
  CommandError,
  duration,
  noWords,
  onlyWord,
  table,
  timeText,
  wholeNumber,
  wrongCall,
} from '@sotto/runtime';
import { type Invite, insertInvite, listInvites, revokeInvite } from '../invite-store.ts';
import { codeDigest, makeCode } from '../secret-code.ts';
import type { AdminDeps, Command } from './command.ts';

/** By their names. */
export const inviteCommands: Readonly<Record<string, Command>> = {
  'invite create': create,
  'invite list': list,
  'invite revoke': revoke,
};

const CREATE = {
  uses: { type: 'string' },
  expires: { type: 'string' },
  'base-url': { type: 'string' },
} as const;

async function create(deps: AdminDeps, words: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: CREATE,
    allowPositionals: true,
  });
  noWords(positionals);
  const uses = wholeNumber(values.uses, { name: 'uses', least: 1, most: 10_000, byDefault: 1 });
  const lifeMs = duration(values.expires ?? '7d', 'expires');
  if (lifeMs > YEAR_MS) throw wrongCall('--expires is a year at most');
  const base = baseUrl(values['base-url'] ?? deps.baseUrl);
  const code = makeCode();
  const at = deps.clock();
  const invite = {
    id: randomUUID(),
    code_digest: codeDigest('invite', code),
    created_at: new Date(at),
    expires_at: new Date(at + lifeMs),
    uses_max: uses,
    uses: 0,
    revoked_at: null,
  };
  await deps.database.query.transaction().execute(async (transaction) => {
    await insertInvite(transaction, invite);
    await deps.audit.note(transaction, { action: 'admin.acted', command: 'invite create' });
  });
  // Behind the hash, which no browser sends: the code must not lie in the logs of those on the way.
  deps.terminal.out(new URL(`#invite=${code}`, base).href);
  const until = timeText(invite.expires_at);
  deps.terminal.note(`Good for ${uses} until ${until}; shown once. Its id is ${invite.id}.`);
}

const YEAR_MS = 366 * 24 * 3_600_000;

function baseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw wrongCall('--base-url is an address such as https://chat.example.org/');
  }
  return url;
}

async function list(
  { database, clock, terminal }: AdminDeps,
  words: readonly string[],
): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: { json: { type: 'boolean' } },
    allowPositionals: true,
  });
  noWords(positionals);
  const invites = await listInvites(database.query, LISTED_MAX);
  if (values.json) {
    for (const invite of invites) terminal.out(JSON.stringify(invite));
    return;
  }
  const rows = invites.map((invite) => [
    invite.id,
    timeText(invite.created_at),
    timeText(invite.expires_at),
    `${invite.uses}/${invite.uses_max}`,
    stateOf(invite, clock()),
  ]);
  for (const line of table(['ID', 'CREATED', 'EXPIRES', 'USED', 'STATE'], rows)) terminal.out(line);
}

const LISTED_MAX = 1_000;

function stateOf({ revoked_at, expires_at, uses, uses_max }: Invite, now: number): string {
  if (revoked_at !== null) return 'revoked';
  if (expires_at.getTime() <= now) return 'expired';
  return uses < uses_max ? 'open' : 'used up';
}

async function revoke(deps: AdminDeps, words: readonly string[]): Promise<void> {
  const id = onlyWord(words, 'invitation');
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id))
    throw wrongCall('an invitation is named by its id');
  await deps.database.query.transaction().execute(async (transaction) => {
    if (!(await revokeInvite(transaction, id)))
      throw new CommandError('there is no such invitation');
    await deps.audit.note(transaction, { action: 'admin.acted', command: 'invite revoke' });
  });
  deps.terminal.out('revoked');
}
