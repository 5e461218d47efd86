/** The invitation that a platform begins with: without one, nobody could come in where accounts are by invitation. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AdminSite, runOn } from '@sotto/auth/admin';

/** A household or a team, and time for all of them to come. */
const WORDS = ['invite', 'create', '--uses', '10', '--expires', '7d'];

/** A link, the first time that it is asked for on a data directory; undefined ever after. */
export async function firstInvitation(
  dataDirectory: string,
  site: AdminSite,
): Promise<string | undefined> {
  const marker = join(dataDirectory, 'invited');
  if (existsSync(marker)) return undefined;
  const lines: string[] = [];
  const notes: string[] = [];
  const terminal = {
    out: (line: string) => void lines.push(line),
    note: (line: string) => void notes.push(line),
  };
  if ((await runOn(site, terminal, WORDS)) !== 0) {
    throw new Error(`no invitation could be made: ${notes.join(' ')}`);
  }
  writeFileSync(marker, '', { mode: 0o600 });
  return lines[0];
}

/** What the terminal shows of it. */
export function invitationNotice(link: string): string {
  return `
Accounts are by invitation. This link makes ten, within a week; it is shown this once:
  ${link}
More: npm run admin -- invite create
`;
}
