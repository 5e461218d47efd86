/** The key log as one process serves it: its keys, its witnesses, and the leaves that it appends. */
import { decodeBase64url } from '@sotto/api';
import type { SigningKeyPair } from '@sotto/crypto/verify';
import { type AppenderDeps, startAppender } from './appender.ts';
import { findBlindingKey } from './leaves.ts';
import { logKeyOf } from './log-key.ts';

export interface KeyLog {
  logKey: SigningKeyPair<'key-log'>;
  /** The key under which accounts and identities appear in the log. */
  blindingKey: Uint8Array;
  /** Keys of those whose signatures under heads are kept. */
  witnessKeys: readonly Uint8Array[];
  /** Leaves have been committed. */
  nudge(): void;
  close(): Promise<void>;
}

export interface KeyLogOptions extends Omit<AppenderDeps, 'logKey'> {
  /** The section of the configuration. */
  config: { secret: string; witnesses: readonly string[] };
}

/** Starts appending. The tables must be there. Close it. */
export async function startKeyLog({ config, ...deps }: KeyLogOptions): Promise<KeyLog> {
  const logKey = logKeyOf(config.secret);
  const blindingKey = await findBlindingKey(deps.database.query);
  const witnessKeys = config.witnesses.map(decodeBase64url);
  const appender = startAppender({ ...deps, logKey });
  return { logKey, blindingKey, witnessKeys, nudge: appender.nudge, close: appender.close };
}
