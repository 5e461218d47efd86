/**
 * A platform that lies: a proxy in front of the real one, which rewrites answers of the API and frames of the socket,
 * and keeps every message that a client tries to send. What it does not rewrite passes as it is.
 */
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  request as openRequest,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Answer,
  ApiError,
  ClientFrame,
  type EndpointSpec,
  endpoints,
  isByteStream,
  ServerFrame,
  SOCKET_PATH,
  toProblem,
} from '@sotto/api';
import { WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';

type Params = Record<string, string>;
type Send = Extract<ClientFrame, { type: 'send' }>;

/** A proxy for one client or for several. */
export interface RewritingProxy {
  /** Where clients find the platform. */
  readonly url: string;
  /** Every message that a client has sent through here, in order. */
  readonly sends: Send[];
  /** Changes what an operation answers, from now on. */
  rewrite<E extends EndpointSpec>(
    endpoint: E,
    lie: (answer: Answer<E>, params: Params, query: Params) => Answer<E>,
  ): void;
  /** Answers an operation itself. */
  replace<E extends EndpointSpec>(
    endpoint: E,
    answer: (params: Params, query: Params) => Answer<E>,
  ): void;
  /** Changes the bytes of a file. */
  rewriteBytes(endpoint: EndpointSpec, lie: (bytes: Buffer) => Buffer): void;
  /** Decides what becomes of a send: a frame is answered in the platform's place, and the message goes nowhere. */
  intercept: (send: Send) => ServerFrame | undefined;
  /** Changes what the socket tells a client: in place of a frame come these. */
  reframe: (frame: ServerFrame) => ServerFrame[];
  /** Tells every client something. */
  tell(frame: ServerFrame): void;
  close(): Promise<void>;
}

interface Lies {
  readonly rewritten: Map<string, (answer: unknown, params: Params, query: Params) => unknown>;
  readonly replaced: Map<string, (params: Params, query: Params) => unknown>;
  readonly bytes: Map<string, (bytes: Buffer) => Buffer>;
}

/** Starts one in front of a platform, on a free port of 127.0.0.1. */
export async function startRewritingProxy(platformUrl: string): Promise<RewritingProxy> {
  const lies: Lies = { rewritten: new Map(), replaced: new Map(), bytes: new Map() };
  const server = createServer((request, response) => {
    pass(platformUrl, lies, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: ([first]) => first ?? false,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: RewritingProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sends: [],
    rewrite: (endpoint, lie) => void lies.rewritten.set(endpoint.id, lie as never),
    replace: (endpoint, answer) => void lies.replaced.set(endpoint.id, answer),
    rewriteBytes: (endpoint, lie) => void lies.bytes.set(endpoint.id, lie),
    intercept: () => undefined,
    reframe: (frame) => [frame],
    tell: (frame) => sockets.clients.forEach((socket) => void socket.send(encode(frame))),
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  server.on('upgrade', (request, stream, head) => {
    sockets.handleUpgrade(request, stream, head, (socket) =>
      relay(platformUrl, proxy, request, socket),
    );
  });
  return proxy;
}

async function pass(
  platformUrl: string,
  lies: Lies,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = new URL(request.url ?? '/', platformUrl);
  const [spec, params] = match(request.method ?? '', target.pathname);
  const query = Object.fromEntries(target.searchParams);
  const replaced = lies.replaced.get(spec?.id ?? '');
  if (spec?.response && replaced) {
    await request.resume().toArray();
    refusing(response, () => {
      const body = JSON.stringify(z.encode(spec.response as z.ZodType, replaced(params, query)));
      response.writeHead(spec.status, { 'content-type': 'application/json' });
      return body;
    });
    return;
  }
  // A lie about one device is made from the truth about all.
  if (lies.rewritten.has(spec?.id ?? '')) target.searchParams.delete('device');
  const answer = await forward(target, request);
  const { 'content-length': _, 'transfer-encoding': __, ...headers } = answer.headers;
  const isGood = spec !== undefined && answer.status === spec.status;
  refusing(response, () => {
    const { body } = answer;
    const told = isGood ? lied(lies, spec, { params, query, body }) : body;
    response.writeHead(answer.status, headers);
    return told;
  });
}

/** A lie may also be a refusal. */
function refusing(response: ServerResponse, answer: () => Buffer | string): void {
  try {
    response.end(answer());
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    response.writeHead(error.status, { 'content-type': 'application/problem+json' });
    response.end(JSON.stringify(toProblem(error)));
  }
}

function lied(
  { rewritten, bytes }: Lies,
  spec: EndpointSpec,
  { params, query, body }: { params: Params; query: Params; body: Buffer },
): Buffer | string {
  if (isByteStream(spec.response)) return bytes.get(spec.id)?.(body) ?? body;
  const lie = rewritten.get(spec.id);
  if (lie === undefined) return body;
  const schema = spec.response as z.ZodType;
  const answer = z.decode(schema, JSON.parse(body.toString()));
  return JSON.stringify(z.encode(schema, lie(answer, params, query)));
}

/** With the host that the client called, which its request proofs name. */
async function forward(target: URL, request: IncomingMessage) {
  const sent = openRequest(target, {
    method: request.method,
    headers: request.headers,
    setHost: false,
  });
  request.pipe(sent);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return {
    status: answer.statusCode ?? 500,
    headers: answer.headers,
    body: Buffer.concat((await answer.toArray()) as Buffer[]),
  };
}

function relay(
  platformUrl: string,
  proxy: RewritingProxy,
  request: IncomingMessage,
  socket: WebSocket,
): void {
  const url = new URL(SOCKET_PATH, platformUrl.replace(/^http/, 'ws'));
  const protocols = String(request.headers['sec-websocket-protocol']).split(/, */);
  const { host = '' } = request.headers;
  const platform = new WebSocket(url, protocols, { headers: { host } });
  const waiting: string[] = [];
  const toPlatform = (text: string) =>
    platform.readyState === WebSocket.OPEN ? platform.send(text) : waiting.push(text);
  platform.on('open', () => waiting.splice(0).forEach((text) => void platform.send(text)));
  platform.on('message', (data) => {
    const told = z.decode(ServerFrame, JSON.parse(String(data)));
    for (const frame of proxy.reframe(told)) socket.send(encode(frame));
  });
  socket.on('message', (data) => {
    const frame = z.decode(ClientFrame, JSON.parse(String(data)));
    const instead = frame.type === 'send' ? proxy.intercept(frame) : undefined;
    if (instead !== undefined) return socket.send(encode(instead));
    if (frame.type === 'send') proxy.sends.push(frame);
    return toPlatform(String(data));
  });
  for (const [one, other] of [
    [socket, platform],
    [platform, socket],
  ] as const) {
    one.on('close', () => other.close());
    one.on('error', () => other.close());
  }
}

function encode(frame: ServerFrame): string {
  return JSON.stringify(z.encode(ServerFrame, frame));
}

function match(method: string, path: string): [EndpointSpec | undefined, Params] {
  for (const spec of endpoints) {
    const names = [...spec.path.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? '');
    const found = path.match(new RegExp(`^${spec.path.replaceAll(/\{\w+\}/g, '([^/]+)')}$`));
    if (found === null || spec.method !== method) continue;
    const values = found.slice(1);
    return [spec, Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']))];
  }
  return [undefined, {}];
}
