/** What the demo may be told on its command line. */
import { parseArgs } from 'node:util';

export const USAGE = `Usage: npm run demo [-- OPTIONS]

Two people talk through a platform: the one that runs on the data directory (.data, or DATA_DIR),
or one that the demo starts there and stops at its end.

  --url URL      use this platform instead
  --data DIR     keep the two people's accounts, keys and progress there, and not in the data directory
  --canary TEXT  hide this in every text and file name
  --help         show this
`;

export interface Arguments {
  help: boolean;
  url?: string | undefined;
  data?: string | undefined;
  canary: string;
}

/** Reads them. Throws an error of one line for what it does not know. */
export function readArguments(argv: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      url: { type: 'string' },
      data: { type: 'string' },
      canary: { type: 'string', default: '' },
    },
  });
  if (values.url !== undefined && !/^https?:$/.test(URL.parse(values.url)?.protocol ?? '')) {
    throw new Error('--url is an address such as http://localhost:8080');
  }
  return values;
}
