/** The proxy that everybody knows, as it would stand in our gateway's place: one worker, connections kept open. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../cluster.ts';
import { findProgram, startDaemon } from '../../daemon.ts';

export interface Nginx {
  url: string;
  /** Of the worker, which does all the work. */
  pid: number;
  close(): Promise<void>;
}

/** Starts it in front of a service; undefined where it is not installed (Debian: nginx-light). */
export async function startNginx(upstream: string): Promise<Nginx | undefined> {
  const program = findProgram('nginx', `${process.env.PATH}:/usr/sbin`);
  if (program === undefined) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'sotto-nginx-'));
  const port = await freePort();
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, configuration({ directory, port, upstream: new URL(upstream).host }));
  const url = `http://127.0.0.1:${port}`;
  const daemon = await startDaemon(
    [program, '-p', directory, '-c', file, '-e', join(directory, 'error.log')],
    {
      logFile: join(directory, 'output.log'),
      isReady: async () => (await fetch(`${url}/health/live`)).status > 0,
    },
  );
  return {
    url,
    pid: childOf(Number(readFileSync(join(directory, 'nginx.pid'), 'utf8'))),
    async close() {
      await daemon.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function configuration(given: { directory: string; port: number; upstream: string }): string {
  return `
daemon off;
worker_processes 1;
pid ${given.directory}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path ${given.directory}/body;
  proxy_temp_path ${given.directory}/proxy;
  fastcgi_temp_path ${given.directory}/fastcgi;
  uwsgi_temp_path ${given.directory}/uwsgi;
  scgi_temp_path ${given.directory}/scgi;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream service { server ${given.upstream}; keepalive 256; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${given.port};
    location / {
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_buffering off;
    }
  }
}
`;
}

function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
}
