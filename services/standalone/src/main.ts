/** The platform in one process: `npm start`. */
import { fileURLToPath } from 'node:url';
import { isWebClient } from '@sotto/gateway';
import { CommandError, ConfigError, EXIT_USAGE, run, UnavailableError } from '@sotto/runtime';
import { type Arguments, readArguments, USAGE } from './arguments.ts';
import { loadStandaloneConfig } from './config.ts';
import { invitationNotice } from './first-invitation.ts';
import { lanNotice } from './lan.ts';
import { startPlatform } from './platform.ts';

const root = new URL('../../../', import.meta.url);
const source = { environment: process.env, file: fileURLToPath(new URL('config.yaml', root)) };
const dataDirectory = fileURLToPath(new URL('.data', root));
const page = fileURLToPath(new URL('apps/web/dist', root));
const webClient = isWebClient(page) ? page : undefined;
const show = (line: string) => process.stderr.write(`${line.trimEnd()}\n`);
const { help, lan } = given();
if (help) {
  process.stdout.write(USAGE);
  process.exit();
}
const load = () => loadStandaloneConfig(source, { dataDirectory, lan, webClient });

// Where they go may be full, or gone with its terminal: no reason to end the platform.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

function given(): Arguments {
  try {
    return readArguments(process.argv.slice(2));
  } catch (error) {
    show(`sotto: ${error instanceof Error ? error.message : 'what?'}\n\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
}

function stop(error: unknown): never {
  if (error instanceof ConfigError || error instanceof UnavailableError) throw error;
  show(`sotto: ${error instanceof Error ? error.message : 'cannot start'}`);
  process.exit(error instanceof CommandError ? error.exitCode : 1);
}

// The launcher holds the other end of this channel: when it is gone, so is whoever wanted the platform.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();

run(() => start().catch(stop), { check: load });

async function start() {
  const config = load();
  const platform = await startPlatform(config, { show, onFailure: stop });
  const { url, urls, authority, close } = platform;
  const invitation = await platform.invite(urls[0] ?? url);
  if (authority !== undefined) show(lanNotice(authority.fingerprint, urls));
  if (invitation !== undefined) show(invitationNotice(invitation));
  return { ready: `ready ${url}`, close };
}
