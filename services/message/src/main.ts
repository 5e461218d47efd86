/** The message service as a process of its own. */
import { behindGateway, listen, loadConfig, run } from '@sotto/runtime';
import { MessageConfig, startMessage } from './service.ts';

const load = () => loadConfig(MessageConfig, { environment: process.env, file: 'config.yaml' });

async function start() {
  const config = load();
  const service = await startMessage(config);
  const listening = await listen(behindGateway(service, config.internal.secret), config.server);
  return {
    ready: `ready http://${config.server.host}:${listening.port}`,
    async close() {
      await service.drain();
      // Together: a server ends only when its sockets do, which the service closes.
      await Promise.all([listening.close(), service.close()]);
    },
  };
}

run(start, { check: load });
