/** What `--help` says. */
import { helpIn } from '@sotto/runtime';

const HEAD = `The operator's commands, beside a platform that runs.

  npm run admin -- COMMAND
  docker compose exec auth admin COMMAND
`;

const COMMANDS = `
  create NAME                   make an administrator's account; asks for a password on a
                                terminal, else makes one and shows it once
  users create NAME             the same for an ordinary account
  users list [--after NAME] [--limit N] [--json]
  users show USER [--json]
  users disable USER            nobody can log in, all sessions end
  users enable USER
  users reset USER              show a new recovery code, which sets a new password
  users delete USER --yes       erase the account everywhere; cannot be undone

  invite create [--uses N] [--expires TIME] [--base-url URL]
                                print an invitation's link: 1 use within 7d; its URL is the first
                                of PUBLIC_ORIGINS, else where the platform runs
  invite list [--json]
  invite revoke ID

  sessions list USER [--json]
  sessions revoke USER [--session ID]
                                end all sessions, or one

  audit [--user USER] [--action ACTION] [--since TIME] [--limit N] [--json]
                                the audit log, the newest first

  rotate-field-keys             encrypt all sealed columns with the first of FIELD_KEYS
`;

const FOOT = `
USER is a username or an id. TIME is 30m, 24h or 7d; --since takes a date as well.

Exit codes: 0 done, 1 not possible, 64 wrong call, 69 no database, 78 wrong configuration.`;

/** The help that the words ask for, which needs no platform. `more` are commands beside these, as paragraphs. */
export function helpFor(words: readonly string[], more = ''): string | undefined {
  return helpIn(`${HEAD}${COMMANDS}${more}${FOOT}`, words);
}
