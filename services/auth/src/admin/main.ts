/** The operator's commands in a container of the auth service: `admin COMMAND`. */
import { databaseSection, runCommandProcess, serverSection } from '@sotto/runtime';
import { z } from 'zod';
import { AuthConfig } from '../config.ts';
import { helpFor } from './help.ts';
import { runOn } from './open.ts';

const AdminConfig = z.object({
  server: serverSection(8080),
  database: databaseSection,
  fields: AuthConfig.shape.fields,
});

process.exitCode = await runCommandProcess(
  {
    schema: AdminConfig,
    help: (words) => helpFor(words),
    run({ server, database, fields }, terminal, words) {
      const [baseUrl = 'http://localhost:8080'] = server.publicOrigins;
      return runOn({ database, fieldKeys: fields.keys, baseUrl }, terminal, words);
    },
  },
  { environment: process.env, file: 'config.yaml' },
  process.argv.slice(2),
);
