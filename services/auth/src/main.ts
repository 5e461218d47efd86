/** The process of the auth service. */
import { listen, loadConfig, run } from '@sotto/runtime';
import { AuthConfig } from './config.ts';
import { startAuth } from './service.ts';

const readConfig = () => loadConfig(AuthConfig, { environment: process.env, file: 'config.yaml' });

async function start() {
  const config = readConfig();
  const service = await startAuth(config);
  const listening = await listen(service, config.server);
  const close = async (): Promise<void> => {
    await listening.close();
    await service.close();
  };
  return { ready: `ready auth http://localhost:${listening.port}`, close };
}

run(start, { check: readConfig });
