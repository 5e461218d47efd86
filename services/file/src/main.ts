/** The file service as a process of its own. */
import { behindGateway, listen, loadConfig, run } from '@sotto/runtime';
import { FileConfig, startFile } from './service.ts';

const load = () => loadConfig(FileConfig, { environment: process.env, file: 'config.yaml' });

async function start() {
  const config = load();
  const service = await startFile(config);
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
