/** The auth service as a process of its own. */
import { behindGateway, listen, loadConfig, run } from '@sotto/runtime';
import { AuthConfig, startAuth } from './service.ts';

const load = () => loadConfig(AuthConfig, { environment: process.env, file: 'config.yaml' });

async function start() {
  const config = load();
  const service = await startAuth(config);
  const listening = await listen(behindGateway(service, config.internal.secret), config.server);
  return {
    ready: `ready http://${config.server.host}:${listening.port}`,
    async close() {
      await listening.close();
      await service.close();
    },
  };
}

run(start, { check: load });
