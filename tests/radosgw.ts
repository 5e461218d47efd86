/**
 * An S3 server: Ceph's gateway over the smallest cluster there is, one monitor and one store in memory.
 *
 * It checks signatures, expiry and conditions as the real ones do, which is why it is worth its ten seconds.
 */
import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@sotto/standalone/free-port';
import { type Daemon, startDaemon, waitFor } from './daemon.ts';

const run = promisify(execFile);

export interface S3Server {
  endpoint: string;
  accessKey: string;
  secretKey: string;
  /** Ends what speaks S3 in the middle of whatever it does. What it has stored stays. */
  kill(): Promise<void>;
  /** Starts it again. Resolves when it serves. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** One command of the cluster takes a few seconds, also on a busy machine. */
const COMMAND_MS = 40_000;

/** Starts the cluster in an empty directory. `program` maps a name to the path of Ceph's program of that name. */
export async function startRadosgw(
  directory: string,
  program: (name: string) => string,
): Promise<S3Server> {
  const [monitorPort, port] = [await freePort(), await freePort()];
  const cluster = writeConfiguration({ directory, monitorPort, port });
  const ceph = async (name: string, ...argv: string[]): Promise<string> => {
    const env = { ...ENVIRONMENT, CEPH_CONF: cluster.file };
    const { stdout } = await run(program(name), argv, { env, timeout: COMMAND_MS }).catch(
      (error) => {
        throw error.killed ? new Error(`${name} did not answer within ${COMMAND_MS} ms`) : error;
      },
    );
    return stdout;
  };
  /** For what may be said twice: who says it too soon is refused by "wrong fsid". */
  const tell = (...argv: string[]): Promise<void> => {
    return waitFor(async () => (await ceph('ceph', ...argv)) !== undefined, COMMAND_MS);
  };
  const daemons: Daemon[] = [];
  const daemon = async (
    name: string,
    argv: string[],
    isReady = async () => true,
  ): Promise<Daemon> => {
    const started = await startDaemon([program(name), '-f', ...argv], {
      logFile: join(directory, `${name}.out`),
      environment: { CEPH_CONF: cluster.file },
      isReady,
    });
    daemons.push(started);
    return started;
  };
  const close = async (): Promise<void> => {
    // The gateway ignores SIGTERM once its monitor is gone.
    for (const one of daemons.toReversed()) await one.stop();
  };
  const accessKey = randomBytes(10).toString('hex');
  const secretKey = randomBytes(20).toString('hex');
  try {
    const map = join(directory, 'monmap');
    const address = `[v1:127.0.0.1:${monitorPort}]`;
    await ceph('monmaptool', '--create', '--fsid', cluster.id, '--addv', 'a', address, map);
    await ceph('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map);
    await daemon('ceph-mon', ['-i', 'a']);
    const store = randomUUID();
    await tell('osd', 'new', store);
    await tell('osd', 'crush', 'add', 'osd.0', '1.0', 'root=default', 'host=localhost');
    await ceph('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', store);
    await daemon('ceph-osd', ['-i', '0'], async () => {
      return JSON.parse(await ceph('ceph', 'osd', 'stat', '--format=json')).num_up_osds === 1;
    });
    await ceph(
      'radosgw-admin',
      'user',
      'create',
      '--uid=t',
      '--display-name=t',
      `--access-key=${accessKey}`,
      `--secret=${secretKey}`,
    );
    const endpoint = `http://127.0.0.1:${port}`;
    const startGateway = () =>
      daemon('radosgw', ['-n', 'client.rgw'], async () => (await fetch(endpoint)).ok);
    let gateway = await startGateway();
    return {
      ...{ endpoint, accessKey, secretKey, close },
      async kill() {
        process.kill(gateway.pid, 'SIGKILL');
        await gateway.stop();
      },
      async start() {
        gateway = await startGateway();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const ENVIRONMENT = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C.UTF-8' };

interface Layout {
  directory: string;
  monitorPort: number;
  port: number;
}

function writeConfiguration({ directory, monitorPort, port }: Layout): {
  file: string;
  id: string;
} {
  const id = randomUUID();
  for (const folder of ['mon', 'osd', 'rgw']) mkdirSync(join(directory, folder));
  const lines = [
    '[global]',
    `fsid = ${id}`,
    `mon_host = v1:127.0.0.1:${monitorPort}`,
    'mon_initial_members = a',
    ...['cluster', 'service', 'client'].map((side) => `auth_${side}_required = none`),
    'osd_pool_default_size = 1',
    'osd_pool_default_min_size = 1',
    'osd_pool_default_pg_num = 1',
    'osd_pool_default_pgp_num = 1',
    'mon_allow_pool_size_one = true',
    'mon_max_pg_per_osd = 1000',
    'mon_data_avail_crit = 1',
    'mon_data_avail_warn = 1',
    'osd_crush_chooseleaf_type = 0',
    // What speaks to the monitor before it has heard of the cluster's id is refused by "wrong fsid". A store that tells
    // its place as it starts ends of that, and every gateway waits for it; so it is told where it is, and tells nothing.
    'osd_class_update_on_start = false',
    'osd_crush_update_on_start = false',
    'osd_objectstore = memstore',
    // Taken as it is used. Deleted objects are kept for two hours.
    'memstore_device_bytes = 17179869184',
    'ms_bind_msgr2 = false',
    'public_addr = 127.0.0.1',
    'cluster_addr = 127.0.0.1',
    `mon_data = ${directory}/mon`,
    `osd_data = ${directory}/osd`,
    `run_dir = ${directory}`,
    // Paths of sockets are short, those of temporary directories need not be.
    'admin_socket =',
    `pid_file = ${directory}/$name.pid`,
    `log_file = ${directory}/$name.log`,
    '[mon.a]',
    'host = localhost',
    `mon_addr = v1:127.0.0.1:${monitorPort}`,
    '[client.rgw]',
    `rgw_frontends = beast endpoint=127.0.0.1:${port}`,
    `rgw_data = ${directory}/rgw`,
  ];
  const file = join(directory, 'ceph.conf');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return { file, id };
}
