import { connect } from 'node:net';
import { BYTE_STREAM, endpoint } from '@sotto/api';
import { afterEach, beforeEach, expect, type MockInstance, onTestFinished, test, vi } from 'vitest';
import { type App, createApp } from './http.ts';
import { listen } from './listen.ts';
import { createLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { mount } from './mount.ts';
import { testGuards } from './testing.ts';

const SECRET = 'hunter2 at db.internal';

const common = { service: 'file', problems: [], status: 200 } as const;
const bare = endpoint({
  ...common,
  ...{ id: 'bare', method: 'GET', path: '/bare/:after', access: 'anyone', response: BYTE_STREAM },
});
const sized = endpoint({
  ...common,
  ...{ id: 'sized', method: 'GET', path: '/sized/:after', access: 'anyone', response: BYTE_STREAM },
});

let printed: MockInstance[];
beforeEach(() => {
  printed = (['error', 'warn', 'info', 'log'] as const).map((name) => vi.spyOn(console, name));
});
afterEach(() => vi.restoreAllMocks());

/** Fails after so many chunks. */
function failing(after: number): ReadableStream<Uint8Array> {
  let given = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setImmediate(resolve));
      if (given === after) controller.error(new Error(SECRET));
      else controller.enqueue(Buffer.from('x'.repeat(1_000)));
      given += 1;
    },
  });
}

function makeApp() {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const log = createLogger({ service: 'test', level: 'info', destination });
  const metrics = createMetrics('test');
  const app = createApp({ service: 'test', log, metrics });
  return { app, guards: testGuards('the secret between services, long enough'), lines, metrics };
}

async function serve({ fetch }: Pick<App, 'fetch'>): Promise<number> {
  const listening = await listen({ fetch }, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => listening.close());
  return listening.port;
}

async function start() {
  const { app, guards, lines, metrics } = makeApp();
  const chunksOf = (request: Request) => Number(new URL(request.url).pathname.split('/').at(-1));
  for (const after of [0, 1, 5, 50]) {
    const at = (path: string) => path.replace(':after', String(after));
    mount(app, guards, { ...bare, path: at(bare.path) }, async ({ request }) =>
      failing(chunksOf(request)),
    );
    mount(app, guards, { ...sized, path: at(sized.path) }, async ({ request }) => {
      const headers = { 'content-length': '100000' };
      return new Response(failing(chunksOf(request)), { headers });
    });
  }
  return { port: await serve(app), lines, metrics };
}

/** All that comes until the connection ends. */
function read(port: number, path: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1');
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
    socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
  });
}

const cases = ['bare', 'sized'].flatMap((how) =>
  [0, 1, 5, 50].map((after) => [how, after] as const),
);

test.each(cases)(
  'a %s answer that fails after %i chunks ends without an end, and tells nobody why but the log',
  async (how, after) => {
    const { port, lines, metrics } = await start();
    const text = await read(port, `/${how}/${after}`);
    // The last chunk of a body of unknown length is empty; one of known length is short.
    expect(text).not.toContain('\r\n0\r\n');
    expect(text.length).toBeLessThan(100_000);
    expect(text).not.toContain('hunter2');
    for (const one of printed) expect(one).not.toHaveBeenCalled();
    await vi.waitFor(() => expect(lines).toHaveLength(1), 20_000);
    expect(lines[0]).toMatchObject({ event: 'an answer broke off', route: `/${how}/${after}` });
    expect(await metrics.text()).toContain(
      `sotto_http_answers_broken_total{route="/${how}/${after}",service="test"} 1`,
    );
  },
);

test('an answer that fails while its reader takes nothing ends all the same', async () => {
  const { app, guards, lines } = makeApp();
  let asked = 0;
  let fail = (): void => undefined;
  mount(app, guards, { ...bare, path: '/' }, async () => {
    return new ReadableStream<Uint8Array>({
      start(controller) {
        fail = () => controller.error(new Error(SECRET));
      },
      pull(controller) {
        asked += 1;
        controller.enqueue(new Uint8Array(1_000_000));
      },
    });
  });
  const socket = connect(await serve(app), '127.0.0.1');
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  // Nothing is read, so once the buffers on the way are full the server asks for no more.
  for (let before = -1; asked === 0 || asked !== before; ) {
    before = asked;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  fail();
  await vi.waitFor(() => expect(lines).toHaveLength(1), 20_000);
  expect(lines[0]).toMatchObject({ event: 'an answer broke off', route: '/' });
  socket.resume();
  await closed;
});

test('who hangs up breaks nothing, and ends the stream', async () => {
  const cancelled = vi.fn();
  const { app, guards, metrics } = makeApp();
  mount(app, guards, { ...bare, path: '/' }, async () => {
    return new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
      cancel: cancelled,
    });
  });
  const socket = connect(await serve(app), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  socket.destroy();
  await vi.waitFor(() => expect(cancelled).toHaveBeenCalled(), 20_000);
  expect(await metrics.text()).not.toContain('http_answers_broken_total{');
  for (const one of printed) expect(one).not.toHaveBeenCalled();
});
