import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { openWire } from '../src/wires.ts';
import { gatewayTo, startUpstream } from './upstream.fixture.ts';

const SILENCE_MS = 1_000;

/** Requests that one service has at a time. */
const HELD = 300;

test('a service that says nothing is answered for, and one that waits for its caller is not', async () => {
  const upstream = await startUpstream((request, response) => {
    if (request.url === '/api/v1/auth/me') return;
    request.resume().once('end', () => response.end('heard'));
  });
  const gateway = await gatewayTo(upstream.url, {}, { silenceMs: SILENCE_MS });
  try {
    let isOver = false;
    const slowly = new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(Buffer.from('first'));
        await new Promise((resolve) => setTimeout(resolve, 3 * SILENCE_MS));
        isOver = true;
        controller.close();
      },
    });
    const half = { duplex: 'half' };
    const upload = fetch(`${gateway.url}/api/v1/files/upload`, {
      method: 'POST',
      body: slowly,
      ...half,
    });
    const silent = await fetch(`${gateway.url}/api/v1/auth/me`);
    expect(isOver).toBe(false);
    expect(silent.status).toBe(503);
    expect(silent.headers.get('retry-after')).toBe('1');
    expect(await silent.json()).toMatchObject({ code: 'service.unavailable' });
    expect(await (await upload).text()).toBe('heard');
  } finally {
    await gateway.close();
    await upstream.close();
  }
}, 30_000);

test('a service is given its time also on a connection that was idle', async () => {
  const upstream = await startUpstream((request, response) => {
    if (request.method === 'GET') response.end('quick');
    else request.resume().once('end', () => setTimeout(() => response.end('late'), 1_500));
  });
  // Clients are told to leave a connection alone that was idle for a second.
  upstream.server.keepAliveTimeout = 2_000;
  const gateway = await gatewayTo(upstream.url);
  try {
    await (await fetch(`${gateway.url}/api/v1/auth/me`)).text();
    const late = await fetch(`${gateway.url}/api/v1/auth/refresh`, { method: 'POST' });
    expect(await late.text()).toBe('late');
  } finally {
    await gateway.close();
    await upstream.close();
  }
}, 30_000);

test('a service that says nothing once its slow caller has ended is answered for', async () => {
  const upstream = await startUpstream((request) => request.resume());
  const gateway = await gatewayTo(upstream.url, {}, { silenceMs: SILENCE_MS });
  try {
    const slowly = new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(Buffer.from('first'));
        await new Promise((resolve) => setTimeout(resolve, 1.5 * SILENCE_MS));
        controller.close();
      },
    });
    const half = { duplex: 'half' };
    const upload = `${gateway.url}/api/v1/files/upload`;
    const answer = await fetch(upload, { method: 'POST', body: slowly, ...half });
    expect(answer.status).toBe(503);
  } finally {
    await gateway.close();
    await upstream.close();
  }
}, 30_000);

test('a service whose address answers nobody any more is given up long before its time is over', async () => {
  const { child, port } = await startStoppable();
  const gateway = await gatewayTo(`http://127.0.0.1:${port}`, {}, { silenceMs: 600_000 });
  onTestFinished(() => gateway.close());
  const ask = () => fetch(`${gateway.url}/api/v1/auth/me`);
  expect(await (await ask()).text()).toBe('here');
  child.kill('SIGSTOP');
  await fillQueue(port);
  expect((await ask()).status).toBe(503);
}, 60_000);

test('a service that is slow is waited for as long as connections to it can be made', async () => {
  const upstream = await startUpstream((_, response) => {
    setTimeout(() => response.end('late'), 5_000);
  });
  const gateway = await gatewayTo(upstream.url);
  onTestFinished(async () => {
    await gateway.close();
    await upstream.close();
  });
  const answer = await fetch(`${gateway.url}/api/v1/auth/me`);
  expect(await answer.text()).toBe('late');
}, 60_000);

test('a service that stands still for some seconds loses no request, and is hardly looked at', async () => {
  const { child, port, allHere } = await startHolding();
  const limits = { LIMITS_SOURCE_PER_MINUTE: '100000' };
  const gateway = await gatewayTo(`http://127.0.0.1:${port}`, limits);
  onTestFinished(() => gateway.close());
  const ask = () => fetch(`${gateway.url}/api/v1/auth/me`);
  const answers = Array.from({ length: HELD }, async () => {
    const answer = await ask();
    return { status: answer.status, text: await answer.text() };
  });
  await allHere;
  child.kill('SIGSTOP');
  // A look comes after two seconds, and may take one and a half.
  await pause(5_000);
  child.kill('SIGCONT');
  const statuses = new Set((await Promise.all(answers)).map(({ status }) => status));
  expect([...statuses]).toEqual([200]);
  const { connections, resets } = await (await ask()).json();
  expect(connections - HELD).toBeGreaterThan(0);
  expect(connections - HELD).toBeLessThan(10);
  expect(resets).toBe(connections - HELD);
}, 60_000);

test('a service that takes what waits for it now and then is not silent', async () => {
  const half = Buffer.alloc(16 * 2 ** 20);
  const upstream = await startUpstream(async (request, response) => {
    await pause(5_000);
    let hasPaused = false;
    let readBytes = 0;
    for await (const chunk of request) {
      readBytes += chunk.length;
      if (readBytes < half.length || hasPaused) continue;
      hasPaused = true;
      await pause(5_000);
    }
    response.end('late');
  });
  const wire = openWire(upstream.url, 3_000);
  onTestFinished(async () => {
    wire.close();
    await upstream.close();
  });
  const headers = ['host', wire.host, 'transfer-encoding', 'chunked'];
  const request = wire.open({ method: 'POST', path: '/', headers });
  request.flushHeaders();
  const [socket] = await once(request, 'socket');
  await once(socket, 'connect');
  request.write(half);
  // What is written in one turn waits as one.
  await pause(1);
  request.end(half);
  const [answer] = await once(request, 'response');
  expect(answer.statusCode).toBe(200);
}, 60_000);

/** A service that answers nobody before it was stopped and goes on, and then says what it has seen. */
async function startHolding() {
  const { child, port } = await startProgram(`
    const held = [];
    let connections = 0;
    let resets = 0;
    let isOver = false;
    const server = require('node:http').createServer((_, response) => {
      if (isOver) response.end(JSON.stringify({ connections, resets }));
      else if (held.push(response) === ${HELD}) console.log('all are here');
    });
    server.on('connection', () => { connections += 1; });
    server.on('clientError', (_, socket) => { resets += 1; socket.destroy(); });
    process.once('SIGCONT', () => {
      isOver = true;
      held.forEach((response) => response.end());
    });
    // Fewer can wait for it than it has requests.
    server.listen({ host: '127.0.0.1', port: 0, backlog: 128 }, () => console.log(server.address().port));`);
  return { child, port, allHere: once(child.stdout!, 'data') };
}

/** A service that the system lets few wait for. */
function startStoppable() {
  return startProgram(`
    const server = require('node:http').createServer((_, response) => response.end('here'));
    server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(server.address().port));`);
}

/** A service in a process of its own, which says its port first. */
async function startProgram(program: string): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, ['-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // It ends one that is stopped, too.
  onTestFinished(() => void child.kill('SIGKILL'));
  const [port] = await once(child.stdout!, 'data');
  return { child, port: Number(String(port)) };
}

/** Connects until the system answers nobody any more. */
async function fillQueue(port: number): Promise<void> {
  const sockets: Socket[] = [];
  onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
  for (let isTaken = true; isTaken && sockets.length < 100; ) {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    sockets.push(socket);
    isTaken = await Promise.race([
      once(socket, 'connect').then(() => true),
      pause(500).then(() => false),
    ]);
  }
}
