/** The five services in one process, with in-process adapters for what the configuration does not name. */
import { join } from 'node:path';
import { startAuth } from '@sotto/auth';
import { startFile } from '@sotto/file';
import { startGateway } from '@sotto/gateway';
import { startKey } from '@sotto/key';
import { startMessage } from '@sotto/message';
import {
  type Blobs,
  type Bus,
  type Counters,
  createLogger,
  createMemoryBus,
  createMemoryCounters,
  type Fetch,
  type Logger,
  type LoggerOptions,
  openDirectoryBlobs,
  openNatsBus,
  openRedisCounters,
  openS3Blobs,
  type Service,
} from '@sotto/runtime';
import type { StandaloneConfig } from './config.ts';
import type { Databases } from './databases.ts';

export interface ComposeOptions {
  databases: Databases['sections'];
  /** Where all services log to. */
  logTo: LoggerOptions['destination'];
}

/**
 * Starts all services and returns the gateway, which answers for them. Rejects, with nothing left open, when one of
 * them cannot start. Closing it closes all, the last started first.
 */
export async function compose(
  config: StandaloneConfig,
  { databases, logTo }: ComposeOptions,
): Promise<Service> {
  await using started = new AsyncDisposableStack();
  const own = <Owned extends { close(): Promise<void> }>(resource: Owned): Owned => {
    started.defer(() => resource.close());
    return resource;
  };
  const logFor = (service: string): Logger => {
    return createLogger({ service, level: config.log.level, destination: logTo });
  };
  const bus = own(await openBus(config, logFor('bus')));
  const counters = own(await openCounters(config));
  const blobs = own(await openBlobs(config));
  const services: Partial<Record<'auth' | 'key' | 'message' | 'file', Service>> = {};
  const peer =
    (name: keyof typeof services): Fetch =>
    (request) =>
      services[name].fetch(request);
  const given = {
    bus,
    counters,
    blobs,
    peers: { auth: peer('auth'), key: peer('key'), message: peer('message'), file: peer('file') },
  };
  services.auth = own(
    await startAuth({ ...config, database: databases.auth }, { ...given, log: logFor('auth') }),
  );
  services.key = own(
    await startKey({ ...config, database: databases.key }, { ...given, log: logFor('key') }),
  );
  services.message = own(
    await startMessage(
      { ...config, database: databases.message },
      { ...given, log: logFor('message') },
    ),
  );
  services.file = own(
    await startFile({ ...config, database: databases.file }, { ...given, log: logFor('file') }),
  );
  const gateway = own(await startGateway(config, { ...given, log: logFor('gateway') }));
  const running = started.move();
  return { ...gateway, close: () => running.disposeAsync() };
}

function openBus({ nats }: StandaloneConfig, log: Logger): Promise<Bus> | Bus {
  return nats.url === undefined ? createMemoryBus({ log }) : openNatsBus({ url: nats.url, log });
}

function openCounters({ redis }: StandaloneConfig): Promise<Counters> | Counters {
  return redis.url === undefined ? createMemoryCounters() : openRedisCounters({ url: redis.url });
}

function openBlobs({ s3, data }: StandaloneConfig): Promise<Blobs> | Blobs {
  if (s3.endpoint === undefined)
    return openDirectoryBlobs({ directory: join(data.directory, 'blobs') });
  return openS3Blobs({ ...s3, endpoint: s3.endpoint });
}
