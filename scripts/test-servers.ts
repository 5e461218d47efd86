/**
 * Starts the servers that tests need and prints the variables that name them, for work on a test:
 *
 *     node scripts/launch.mjs scripts/test-servers.ts > /tmp/servers.env &
 *     . /tmp/servers.env && node_modules/.bin/vitest run packages/runtime
 *
 * They run until this process is told to stop.
 */
import { missingServers, startServers } from '../tests/servers.ts';

const servers = await startServers(process.env);
for (const { name, howTo } of missingServers(process.env))
  console.error(`${name} is missing: ${howTo}`);
for (const [name, value] of Object.entries(servers.environment)) {
  console.log(`export ${name}='${value}'`);
}
await new Promise((resolve) => {
  for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) process.once(event, resolve);
});
await servers.close();
process.exit();
