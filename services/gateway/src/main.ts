/** The gateway as a process of its own. */
import { listen, loadConfig, run } from '@sotto/runtime';
import { GatewayConfig, startGateway } from './service.ts';

const load = () => loadConfig(GatewayConfig, { environment: process.env, file: 'config.yaml' });

async function start() {
  const config = load();
  const service = await startGateway(config);
  const listening = await listen(service, {
    ...config.server,
    connectionsPerAddressMax: config.gateway.connectionsPerAddress,
  });
  const { host } = config.server;
  const { metricsPort: port } = config.gateway;
  const numbers =
    port === undefined ? undefined : await listen({ fetch: service.numbers }, { host, port });
  const scheme = config.server.tls === undefined ? 'http' : 'https';
  return {
    ready: `ready ${scheme}://${host}:${listening.port}`,
    async close() {
      await service.drain();
      // Open WebSockets would keep the server from ending.
      await Promise.all([listening.close(), numbers?.close(), service.close()]);
    },
  };
}

run(start, { check: load });
