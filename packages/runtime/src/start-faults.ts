/**
 * Why a process cannot start, for whoever runs it: what the configuration names and is not so is a ConfigError (78, no
 * use in trying again), what does not answer an UnavailableError (69, it may later). Both are told in a line, with no
 * value of theirs: an address of a server may hold a password.
 */
import { readFileSync } from 'node:fs';
import { ConfigError } from './config.ts';

/** Something that a process needs does not answer. It exits with 69 (EX_UNAVAILABLE). */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

/** One fault of the configuration that only its use has shown. */
export function misconfigured(key: string, variable: string, problem: string): ConfigError {
  return new ConfigError([{ key, variable, problem }]);
}

/** A file that the configuration names. Throws a ConfigError. */
export function readNamedFile(path: string, key: string, variable: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw misconfigured(key, variable, `the file cannot be read (${codeOf(error)})`);
  }
}

/** What PostgreSQL says of a start, where that is the operator's to mend; the error itself where it is not. */
export function databaseFault(error: unknown): unknown {
  const code = codeOf(error);
  if (/^28/.test(code)) {
    const problem = `the database refuses this user or its password (${code})`;
    return misconfigured('database.user', 'DB_USER, DB_PASSWORD or DATABASE_URL', problem);
  }
  if (code === '3D000') {
    const problem = 'the server has no database of this name: create it';
    return misconfigured('database.database', 'DB_NAME or DATABASE_URL', problem);
  }
  if (code === '42501') {
    const problem = 'this role may not make its tables: let it own its schema, or create one';
    return misconfigured('database.user', 'DB_USER or DATABASE_URL', problem);
  }
  if (/^(08|57P|53300|E[A-Z])/.test(code) && !code.startsWith('ERR_')) {
    return new UnavailableError(
      `the database does not answer (${code}): see DB_HOST and DB_PORT, or DATABASE_URL`,
      { cause: error },
    );
  }
  return error;
}

/** The same of the moment in which a process begins to listen. */
export function listenFault(error: unknown): unknown {
  const isListening = error instanceof Error && 'syscall' in error && error.syscall === 'listen';
  const code = codeOf(error);
  if (code === 'EADDRINUSE') {
    return new UnavailableError('the port is in use: stop what listens there, or set SERVER_PORT', {
      cause: error,
    });
  }
  if (code === 'EACCES' && isListening) {
    return misconfigured('server.port', 'SERVER_PORT', 'this user may not listen there');
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return misconfigured('server.host', 'SERVER_HOST', 'this machine has no such address');
  }
  return error;
}

/** The code of an error; `no code` where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'no code';
}
