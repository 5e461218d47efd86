/** Argon2id behind a queue: hashing is the dearest thing that a stranger can ask of the platform. */
import { randomBytes } from 'node:crypto';
import { type Algorithm, hash, verify } from '@node-rs/argon2';
import { ApiError } from '@sotto/api';
import { ARGON2, HASHES_AT_ONCE, HASHES_WAITING_MAX } from './limits.ts';

/** A password to be checked. */
export interface PasswordCheck {
  password: string;
  /** Of the account; undefined when there is none, which costs the same. */
  hash: string | undefined;
  /** Called when it is this password's turn; what it throws saves the hash. */
  before?: () => Promise<void>;
}

/** Both throw `auth.busy` when too many passwords wait. */
export interface Passwords {
  /** The hash to store, in PHC form. */
  hash(password: string): Promise<string>;
  /** Whether the password is the right one. Always one hash, so that time does not tell who has an account. */
  verify(check: PasswordCheck): Promise<boolean>;
}

/** Bounds, for tests; `limits.ts` has the real ones. */
export interface PasswordsOptions {
  atOnce?: number;
  waitingMax?: number;
  /** Called when a password is turned away. */
  onBusy?: () => void;
  /** Called for each hash that is made. */
  onHash?: () => void;
}

/** Makes one hash, of nothing, to compare with when there is no account. */
export async function createPasswords(options: PasswordsOptions = {}): Promise<Passwords> {
  const turn = createTurns(options);
  const nobody = await argon2id(randomBytes(32).toString('base64'));
  const { onHash } = options;
  return {
    hash: (password) =>
      turn(() => {
        onHash?.();
        return argon2id(password);
      }),
    verify: ({ password, hash: stored, before }) =>
      turn(async () => {
        await before?.();
        onHash?.();
        const isRight = await verify(stored ?? nobody, normalize(password));
        return isRight && stored !== undefined;
      }),
  };
}

function argon2id(password: string): Promise<string> {
  return hash(normalize(password), { algorithm: ARGON2ID, ...ARGON2 });
}

/** The package's `const enum` has no value where types are stripped. */
const ARGON2ID: Algorithm.Argon2id = 2;

/** One password typed on two keyboards may come as different code points (NIST SP 800-63B section 3.1.1.2). */
function normalize(password: string): string {
  return password.normalize('NFKC');
}

type Turn = <T>(work: () => Promise<T>) => Promise<T>;

/** Runs a few pieces of work at a time and keeps a bounded number waiting, first come, first served. */
function createTurns({
  atOnce = HASHES_AT_ONCE,
  waitingMax = HASHES_WAITING_MAX,
  onBusy,
}: PasswordsOptions): Turn {
  const waiting: (() => void)[] = [];
  let running = 0;

  function leave(): void {
    const next = waiting.shift();
    // The next in line takes over the place, so `running` stays.
    if (next === undefined) running--;
    else next();
  }

  return async (work) => {
    if (running < atOnce) {
      running++;
    } else {
      if (waiting.length >= waitingMax) {
        onBusy?.();
        throw new ApiError('auth.busy', { retryAfter: 1 });
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
