/** What `--help` says. */
import { helpIn } from '@sotto/runtime';

/** A paragraph of the help for all of the operator's commands. */
export const REPORTS_HELP = `
  reports list [--all] [--limit N] [--json]
                                what users have reported and nobody has closed, the newest
                                first; with --all also what was closed
  reports show ID [--json]      who reported whom, and what they chose to show
  reports close ID              it is dealt with; 90 days after it was made it goes
                                (docker compose exec message admin reports ...)
`;

const HELP = `The operator's commands for what users have reported, beside a platform that runs.

  docker compose exec message admin COMMAND
${REPORTS_HELP}
Exit codes: 0 done, 1 not possible, 64 wrong call, 69 no database, 78 wrong configuration.`;

/** The help that the words ask for, which needs no platform. */
export function helpFor(words: readonly string[]): string | undefined {
  return helpIn(HELP, words);
}
