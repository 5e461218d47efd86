/** How one that wants to follow shows that it may: it is of the same release, and knows what opens the store. */
import { type Provider, stretchPassphrase } from '@sotto/crypto';
import * as z from 'zod/mini';
import { sameBytes } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import { PASSPHRASE_COST } from '../limits.ts';
import type { StoreSecret } from '../store/store-sealed.ts';
import type { Ask } from './wire.ts';

/** Raised by whatever makes two releases misunderstand each other. */
const RELEASE = 1;

const SALT_BYTES = 16;

const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const Greeting = z.object({
  release: z.int(),
  secret: z.literal(['none', 'passphrase', 'key']),
  salt: Bytes,
});
type Greeting = z.infer<typeof Greeting>;

/** What opens a store, as each who shares it knows it. */
export interface Knowledge {
  readonly secret?: StoreSecret | undefined;
  readonly provider: Provider;
}

/** Asks whoever comes what only those can answer who may open the store. */
export interface Doorkeeper {
  readonly greeting: Greeting;
  /** Rejects with `store.key-wrong`. */
  check(shown: unknown): Promise<void>;
}

/** What a doorkeeper is asked. */
const [GREET, SHOW] = ['greet', 'show'] as const;

/** A doorkeeper with a question of their own: who has heard an answer to another one cannot give it here. */
export function openDoorkeeper({ secret, provider }: Knowledge): Doorkeeper {
  const salt = provider.randomBytes(SALT_BYTES);
  let proof: Promise<Uint8Array> | undefined;
  return {
    greeting: { release: RELEASE, secret: kindOf(secret), salt },
    async check(shown) {
      proof ??= proofOf({ secret, provider }, salt);
      if (sameBytes(Bytes.parse(shown), await proof)) return;
      throw new ClientError('store.key-wrong', 'the passphrase or key is not that of the store');
    },
  };
}

/** Answers one who comes: as a doorkeeper first, and by what `enter` gives once they are in. */
export function behindDoor({ greeting, check }: Doorkeeper, enter: () => Ask): Ask {
  let inside: Ask | undefined;
  return async (name, args, signal) => {
    if (inside !== undefined) return inside(name, args, signal);
    if (name === GREET) return greeting;
    if (name !== SHOW) throw new TypeError('nothing is answered before an introduction');
    await check(args[0]);
    inside ??= enter();
    return undefined;
  };
}

/**
 * Comes in by a doorkeeper. Rejects with `store.key-wrong`, `store.sealed` and `store.plain` as opening the store would, and with
 * `store.locked` when another release has it.
 */
export async function comeIn(ask: Ask, knowledge: Knowledge): Promise<void> {
  const { data: greeting } = Greeting.safeParse(await ask(GREET, []));
  if (greeting?.release !== RELEASE) {
    throw new ClientError('store.locked', 'another release of the program has the store');
  }
  assertKind(greeting.secret, kindOf(knowledge.secret));
  await ask(SHOW, [await proofOf(knowledge, greeting.salt)]);
}

function kindOf(secret: StoreSecret | undefined): Greeting['secret'] {
  if (secret === undefined) return 'none';
  return 'key' in secret ? 'key' : 'passphrase';
}

function assertKind(theirs: Greeting['secret'], ours: Greeting['secret']): void {
  if (theirs === ours) return;
  if (ours === 'none') throw new ClientError('store.sealed', 'the store is encrypted');
  if (theirs === 'none') {
    throw new ClientError('store.plain', 'the store was made without encryption');
  }
  throw new ClientError('store.key-wrong', 'the store is not opened by that kind of secret');
}

/** As dear to guess from as the store itself: others of the same origin or user may hear it. */
async function proofOf({ secret, provider }: Knowledge, salt: Uint8Array): Promise<Uint8Array> {
  if (secret === undefined) return salt;
  if ('passphrase' in secret) return stretchPassphrase(secret.passphrase, salt, PASSPHRASE_COST);
  return provider.sha256(new Uint8Array([...salt, ...secret.key]));
}
