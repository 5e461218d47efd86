/** What a check of the doctor is and says. */
import type { StandaloneConfig } from '../../services/standalone/src/config.ts';

/** `skipped`: it does not apply. `unknown`: it does, and cannot be told from here. */
export type Level = 'ok' | 'warn' | 'fail' | 'skipped' | 'unknown';

export interface Finding {
  level: Level;
  /** What was found, in a line. */
  says: string;
  /** What to do about it. */
  todo?: string;
}

/** What checks look at. */
export interface Patient {
  /** Secrets that are not known here have a stand-in: ask `secrets` for those. */
  config: StandaloneConfig;
  /** By variable; undefined for those that are not known here. */
  secrets: ReadonlyMap<string, readonly string[] | undefined>;
  environment: Readonly<Record<string, string | undefined>>;
  /** The platform runs its own PostgreSQL. */
  isEmbedded: boolean;
  /** A folder of backups, when the operator named one. */
  backups: string | undefined;
}

export type Check = (patient: Patient) => Promise<Finding> | Finding;

/** By their names, which documents cite. */
export type Checks = Readonly<Record<string, Check>>;

/** All is well. */
export const ok = (says: string): Finding => ({ level: 'ok', says });

/** Nothing to check. */
export const skipped = (says: string): Finding => ({ level: 'skipped', says });

/** Not to be told from here: whoever asked for this very check gets no all-clear. */
export const unknown = (says: string): Finding => ({ level: 'unknown', says });

/** It works, and should be otherwise. */
export const warn = (says: string, todo: string): Finding => ({ level: 'warn', says, todo });

/** It does not work, or is not safe. */
export const fail = (says: string, todo: string): Finding => ({ level: 'fail', says, todo });
