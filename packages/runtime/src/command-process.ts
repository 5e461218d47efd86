/** A process that runs one of the operator's commands, in the container of a service. */
import type { z } from 'zod';
import { ConfigError, type ConfigSource, loadConfig } from './config.ts';
import { processTerminal } from './process-terminal.ts';
import { EXIT_CONFIG, type Terminal } from './terminal.ts';

export interface CommandProcess<Schema extends z.ZodObject> {
  /** As much of the service's configuration as the commands need. */
  readonly schema: Schema;
  /** What to print when the words ask for help; undefined when they ask for none. */
  help(words: readonly string[]): string | undefined;
  /** Runs one command. Resolves to the exit code. */
  run(config: z.output<Schema>, terminal: Terminal, words: readonly string[]): Promise<number>;
}

/** Runs what the words say. Resolves to the exit code; a wrong configuration is told on the terminal. */
export async function runCommandProcess<Schema extends z.ZodObject>(
  { schema, help, run }: CommandProcess<Schema>,
  source: ConfigSource,
  words: readonly string[],
): Promise<number> {
  const terminal = processTerminal();
  const text = help(words);
  if (text !== undefined) {
    terminal.out(text);
    return 0;
  }
  try {
    return await run(loadConfig(schema, source), terminal, words);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    terminal.note(error.message);
    return EXIT_CONFIG;
  }
}
