/** What `--help` says of the commands over all services. */

/** Paragraphs beside those of the services. */
export const OPERATIONS_HELP = `
  inspect USER [--json]         exactly what the platform holds on a person, in all services; that
                                you looked is written in the audit log

  limits show [USER] [--json]   what may be done how often, and what somebody has spent of it
  limits reset USER             let somebody begin anew (with Redis; without, a restart does): what
                                is counted for a person. What is counted for a conversation, a
                                pair, a device or an address (sends of a conversation, bundles,
                                reports, exports) comes back by itself within its time

  retention run [--dry-run] [--yes] [--days N]
                                remove now what has come to its end: weeks of messages, expired
                                ones, files that nobody shares. Beside a database elsewhere N says
                                once more for how long the platform keeps messages
`;
