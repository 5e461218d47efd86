/** What `npm start` may be told on its command line; everything else is configuration. */
import { parseArgs } from 'node:util';

export interface Arguments {
  help: boolean;
  /** Serve a private network, by TLS with a certificate authority of the platform's own. */
  lan: boolean;
  /** Check the configuration and end; `run` does that. */
  check: boolean;
}

export const USAGE = `Usage: npm start [-- OPTIONS]

Starts the whole platform in one process. Ctrl+C stops it.

  --lan    serve this network, not this machine alone: TLS with a certificate authority of its own,
           registration by invitation
  --check  check the configuration and end
  --help   show this

config.yaml says what else can be set, each with its environment variable, such as
  SERVER_PORT=9000 DATA_DIR=/srv/sotto npm start
`;

/** Reads them. Throws an error of one line for what it does not know. */
export function readArguments(argv: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      help: { type: 'boolean', default: false },
      lan: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
    },
  });
  return values;
}
