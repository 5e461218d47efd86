import { connect } from 'node:net';
import { CLOSE_CODES } from '@sotto/api';
import { type Counters, createMemoryCounters } from '@sotto/runtime';
import { describe, expect, it } from 'vitest';
import { HANDSHAKE, localGateway, once, open, remoteGateway } from './tunnel.fixture.ts';
import { speak, until } from './upstream.fixture.ts';

describe('a gateway that drains', () => {
  it('says goodbye between two messages, however many are on their way', async () => {
    const { gateway, server } = await remoteGateway();
    const sockets = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const socket = open(gateway.port);
        await once(socket, 'open');
        return socket;
      }),
    );
    const heard: string[] = [];
    const closed = sockets.map((socket) => {
      socket.on('message', (data) => heard.push(String(data)));
      return once(socket, 'close');
    });
    let sent = 0;
    const timer = setInterval(() => {
      for (const client of server.clients) client.send(`${sent++} ${'x'.repeat(70_000)}`);
    }, 1);
    await until(() => heard.length > 20);
    await gateway.drain();
    clearInterval(timer);
    expect(await Promise.all(closed)).toEqual(sockets.map(() => CLOSE_CODES.draining));
    // None was cut.
    for (const text of heard) expect(text).toMatch(/^\d+ x{70000}$/);
    await until(() => server.clients.size === 0);
  });

  it('does not wait for a message without end, nor for a client that never hangs up', async () => {
    const { gateway, server } = await remoteGateway();
    const stuck = open(gateway.port);
    await once(stuck, 'open');
    for (const client of server.clients) {
      // A frame of a mebibyte, of which nothing comes.
      Reflect.get(client, '_socket').write(Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 16, 0, 0]));
    }
    const deaf = connect({ port: gateway.port, host: '127.0.0.1' });
    deaf.on('error', () => undefined).resume();
    deaf.write(`${HANDSHAKE}\r\n`);
    await until(() => server.clients.size === 2);
    const closed = once(stuck, 'close');
    const started = performance.now();
    await gateway.drain();
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(await closed).toBe(1006);
    await until(() => server.clients.size === 0);
  });

  it('refuses a handshake whose source was still being looked up', async () => {
    const asked = Promise.withResolvers<void>();
    const told = Promise.withResolvers<void>();
    const counters = createMemoryCounters();
    const budget: Counters['budget'] = (name, rule) => {
      const own = counters.budget(name, rule);
      const consume = own.consume.bind(own);
      own.consume = async (...words) => {
        asked.resolve();
        await told.promise;
        return consume(...words);
      };
      return own;
    };
    const { gateway, upstream } = await remoteGateway({}, { counters: { ...counters, budget } });
    const answer = speak(gateway.port, `${HANDSHAKE}\r\n`);
    await asked.promise;
    const drained = gateway.drain();
    told.resolve();
    await drained;
    expect(await answer).toMatch(/^HTTP\/1\.1 503 .*retry-after: 1/is);
    expect(upstream.seen).toEqual([]);
  });

  it('refuses a handshake that the service has not answered yet, with a time to come again', async () => {
    const { gateway, upstream } = await remoteGateway();
    const answer = speak(gateway.port, `${HANDSHAKE}Authorization: Bearer unanswered\r\n\r\n`);
    await until(() => upstream.seen.length === 1);
    await gateway.drain();
    expect(await answer).toMatch(/^HTTP\/1\.1 503 .*retry-after: 1.*service\.unavailable/is);
  });

  it('waits for one that the service in this process has begun with, which then says goodbye', async () => {
    const arrived = Promise.withResolvers<void>();
    const admitted = Promise.withResolvers<void>();
    const { gateway } = await localGateway(() => {
      arrived.resolve();
      return admitted.promise;
    });
    const socket = open(gateway.port);
    const closed = once(socket, 'close');
    await arrived.promise;
    const stopped = gateway.drain().then(() => gateway.close());
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(503);
    admitted.resolve();
    expect(await closed).toBe(CLOSE_CODES.draining);
    await stopped;
  });

  it('takes no more, is not ready, and answers requests', async () => {
    const { gateway } = await remoteGateway();
    await gateway.drain();
    const refused = open(gateway.port);
    await expect(once(refused, 'open')).rejects.toThrow('503');
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/api/v1/auth/me`)).status).toBe(200);
  });
});
