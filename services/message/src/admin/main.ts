/** The operator's commands in a container of the message service: `admin COMMAND`. */
import { databaseSection, runCommandProcess } from '@sotto/runtime';
import { z } from 'zod';
import { helpFor } from './help.ts';
import { runOn } from './open.ts';

process.exitCode = await runCommandProcess(
  {
    schema: z.object({ database: databaseSection }),
    help: helpFor,
    run: ({ database }, terminal, words) => runOn(database, terminal, words),
  },
  { environment: process.env, file: 'config.yaml' },
  process.argv.slice(2),
);
