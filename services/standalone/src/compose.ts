/** The five services in one process, with in-process adapters for what the configuration does not name. */
import { join } from 'node:path';
import { ApiError } from '@sotto/api';
import { startAuth } from '@sotto/auth';
import { startFile } from '@sotto/file';
import { startGateway } from '@sotto/gateway';
import { startKey } from '@sotto/key';
import { startMessage } from '@sotto/message';
import {
  type Blobs,
  type Bus,
  createLogger,
  createPartMemory,
  type Fetch,
  type Logger,
  type LoggerOptions,
  openBus,
  openCounters,
  openDirectoryBlobs,
  openS3Blobs,
  type PartMemory,
  proofOrigins,
  type Service,
} from '@sotto/runtime';
import type { StandaloneConfig } from './config.ts';
import type { Databases } from './databases.ts';
import type { DataService } from './roles.ts';

export interface ComposeOptions {
  databases: Databases['sections'];
  /** Where all services log to. */
  logTo: NonNullable<LoggerOptions['destination']>;
  /** The certificate of the authority that clients are to trust, when it is the platform's own. */
  authority?: string | undefined;
  /** What this machine is called, when the platform serves its own network by those names. */
  ownHosts?: (() => readonly string[]) | undefined;
}

/**
 * Starts all services and returns the gateway, which answers for them. Rejects, with nothing left open, when one of
 * them cannot start. Closing it closes all, the last started first.
 */
export async function compose(
  config: StandaloneConfig,
  { databases, logTo, authority, ownHosts }: ComposeOptions,
): Promise<Required<Service>> {
  await using started = new AsyncDisposableStack();
  const everyConsumerStands = Promise.withResolvers<void>();
  everyConsumerStands.promise.catch(() => undefined); // A start that fails says so by its own error.
  const own = <Owned extends { close(): Promise<void> }>(resource: Owned): Owned => {
    started.defer(() => {
      everyConsumerStands.reject(new ApiError('service.unavailable'));
      return resource.close();
    });
    return resource;
  };
  const logFor = (service: string): Logger => {
    return createLogger({ service, level: config.log.level, destination: logTo });
  };
  const bus = own(
    publishAfter(everyConsumerStands.promise, await openBus(config.nats, logFor('bus'))),
  );
  const counters = own(await openCounters(config.redis, logFor('counters')));
  const memory = createPartMemory(config.file.partMemoryBytes);
  const blobs = own(await openBlobs(config, memory));
  const services: Services = {};
  const peers = {
    auth: peer(services, 'auth'),
    key: peer(services, 'key'),
    message: peer(services, 'message'),
    file: peer(services, 'file'),
  };
  const origins = proofOrigins({ server: config.server, log: logFor('gateway'), ownHosts });
  const given = (service: DataService) => ({
    ...{ bus, counters, blobs, peers, proofOrigins: origins },
    log: logFor(service),
  });
  const of = (service: DataService) => ({ ...config, database: databases[service] });
  // Auth first: the others learn at their start which sessions have ended.
  services.auth = own(await startAuth(of('auth'), given('auth')));
  services.key = own(await startKey(of('key'), given('key')));
  const message = own(await startMessage(of('message'), given('message')));
  services.message = message;
  services.file = own(await startFile(of('file'), { ...given('file'), memory }));
  const gateway = own(
    await startGateway(config, {
      local: { peers, message },
      log: logFor('gateway'),
      counters,
      authority,
    }),
  );
  everyConsumerStands.resolve();
  const running = started.move();
  return { ...gateway, close: () => running.disposeAsync() };
}

/**
 * The bus, whose publishers wait. An in-process bus keeps what is published before its consumer stands in memory
 * alone; an event that waits is still in the outbox, and outlives a crash.
 */
function publishAfter(moment: Promise<void>, bus: Bus): Bus {
  return {
    ...bus,
    async publish(subject, data, id) {
      await moment;
      await bus.publish(subject, data, id);
    },
  };
}

type Services = Partial<Record<DataService, Service>>;

/** A service of this process as the others see it, also those that start before it. */
function peer(services: Services, name: DataService): Fetch {
  return (request, connection) => {
    const service = services[name];
    if (service === undefined) throw new ApiError('service.unavailable', { retryAfter: 1 });
    return service.fetch(request, connection);
  };
}

function openBlobs({ s3, data }: StandaloneConfig, memory: PartMemory): Promise<Blobs> | Blobs {
  if (s3.endpoint === undefined)
    return openDirectoryBlobs({ directory: join(data.directory, 'blobs') });
  return openS3Blobs({ ...s3, endpoint: s3.endpoint, memory });
}
