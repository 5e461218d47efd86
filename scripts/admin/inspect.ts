/** `inspect USER`: exactly what the platform holds on a person, in all services. */
import { parseArgs } from 'node:util';
import { UserId } from '@sotto/api';
import { onlyWord, printable } from '@sotto/runtime';
import { exportOwn } from '../../services/auth/src/account-export.ts';
import { accountOf } from '../../services/auth/src/admin/words.ts';
import { exportUser as filesOf } from '../../services/file/src/export.ts';
import { exportedKeys } from '../../services/key/src/exported-keys.ts';
import { exportUser as messagesOf } from '../../services/message/src/export.ts';
import type { Operation, OperationDeps } from './operation.ts';

/** As the person's own export has it. That somebody looked is written in the audit log. */
export const inspect: Operation = async (deps, words) => {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: { json: { type: 'boolean' } },
    allowPositionals: true,
  });
  const user = await userOf(deps, onlyWord(positionals, 'user'));
  const { auth, audit, terminal } = deps;
  const services = {
    auth: await exportOwn({ database: auth, columns: deps.columns }, user),
    key: (await exportedKeys(deps.key.query, user)).tables,
    message: (await messagesOf(deps.message, user)).tables,
    file: (await filesOf(deps.file.query, user)).tables,
  };
  await audit.note(auth.query, { action: 'admin.acted', command: 'inspect', user });
  if (values.json) {
    terminal.out(JSON.stringify({ user, services }));
    return;
  }
  for (const [service, tables] of Object.entries(services)) {
    for (const [table, rows] of Object.entries(tables)) {
      terminal.out(`${service}.${table}: ${rows.length}`);
      for (const row of rows) terminal.out(`  ${printable(JSON.stringify(row))}`);
    }
  }
};

/** Somebody who has been erased is found by id alone. */
async function userOf({ auth }: OperationDeps, word: string): Promise<UserId> {
  const id = UserId.safeParse(word.toLowerCase());
  return id.success ? id.data : (await accountOf({ database: auth }, word)).id;
}
