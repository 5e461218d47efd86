/**
 * A platform in memory for tests, which does on command what the real one must never do or does only when something
 * breaks: refuse, fall silent, cut connections, repeat, hide, reorder. The real platform is tested in `tests/e2e`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import {
  ApiError,
  ClientFrame,
  type ConversationId,
  type EndpointSpec,
  endpoints,
  isByteStream,
  type OutgoingMessage,
  PROBLEM_CODE_HEADER,
  type Problem,
  ServerFrame,
  SOCKET_PROTOCOL,
  SOCKET_TICKET_PREFIX,
  type Stored,
  toProblem,
} from '@sotto/api';
import { type WebSocket, WebSocketServer } from 'ws';
import * as z from 'zod/mini';
import { makeKeyLog } from '../trust/key-log.fixture.ts';
import { fileHandlers } from './platform-files.fixture.ts';
import { groupHandlers, judgeInGroup } from './platform-groups.fixture.ts';
import {
  type Device,
  type Handler,
  handlers,
  type Platform,
  type Spec,
} from './platform-operations.fixture.ts';
import { peopleHandlers } from './platform-people.fixture.ts';
import {
  describe,
  endOf,
  isReader,
  lastOf,
  mayRead,
  NOW,
  type Room,
  slotsOf,
} from './platform-rooms.fixture.ts';
import { makeShelf } from './platform-shelf.fixture.ts';

export type { Platform };

type EphemeralFrame = Extract<ClientFrame, { type: 'ephemeral' }>;

/** Starts one on a free port of 127.0.0.1. */
export async function startPlatform(): Promise<Platform> {
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => SOCKET_PROTOCOL });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const platform: Platform = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    devices: [],
    rooms: [],
    lists: new Map(),
    log: makeKeyLog(),
    judge: () => undefined,
    show: (slot) => [slot],
    calls: [],
    signals: [],
    failCall: () => undefined,
    files: makeShelf(),
    deliver: (room, seq) => deliver(platform, room, seq),
    cutAll() {
      for (const { socket } of platform.devices) socket?.terminate();
    },
    close: () => closeServer(server, platform),
  };
  server.on('request', (request, response) => void answer(platform, request, response));
  server.on('upgrade', (request, stream, head) => {
    const offered = String(request.headers['sec-websocket-protocol']).split(/, */);
    const ticket = offered.find((protocol) => protocol.startsWith(SOCKET_TICKET_PREFIX));
    const name = ticket?.slice(SOCKET_TICKET_PREFIX.length).replace(/^ticket-of-device-/, '');
    const device = platform.devices.find((known) => known.device === name);
    if (device === undefined) {
      stream.destroy();
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => attend(platform, device, socket));
  });
  return platform;
}

async function closeServer(server: Server, platform: Platform): Promise<void> {
  platform.cutAll();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

async function answer(platform: Platform, request: IncomingMessage, response: ServerResponse) {
  const target = new URL(request.url ?? '/', platform.url);
  const [spec, params] = match(request.method ?? '', target.pathname);
  platform.calls.push(spec.id);
  try {
    const failure = platform.failCall(spec.id);
    if (failure === 'cut') return response.destroy();
    if (failure instanceof ApiError) throw failure;
    const device = request.headers.authorization?.replace(/^(Bearer|DPoP) access-\d+-/, '');
    const caller = platform.devices.find((known) => known.device === device);
    if (spec.access === 'user' && caller === undefined) throw new ApiError('auth.token-invalid');
    const query = spec.query && z.parse(spec.query, Object.fromEntries(target.searchParams));
    const headers = {
      ...request.headers,
      ...(spec.headers && z.parse(spec.headers, request.headers)),
    };
    const body = await readBody(spec, request);
    const all = { ...handlers, ...groupHandlers, ...fileHandlers, ...peopleHandlers };
    const handler = all[spec.id as Spec['id']] as Handler | undefined;
    const given = { params, query, headers, body, caller: caller ?? NOBODY };
    const value = await handler?.(platform, given);
    if (failure === 'unanswered') return response.destroy();
    await respond(spec, response, value);
  } catch (error) {
    const problem = toProblem(error instanceof ApiError ? error : new ApiError('internal'));
    const code = { [PROBLEM_CODE_HEADER]: problem.code };
    response.writeHead(problem.status, { 'content-type': 'application/problem+json', ...code });
    response.end(JSON.stringify(problem));
  }
}

const NOBODY = { user: '', device: '', username: '' } as Device;

function match(method: string, path: string): [EndpointSpec, Record<string, string>] {
  for (const spec of endpoints) {
    const names = [...spec.path.matchAll(/\{(\w+)\}/g)].map((found) => found[1]!);
    const found = path.match(new RegExp(`^${spec.path.replaceAll(/\{\w+\}/g, '([^/]+)')}$`));
    if (found === null || spec.method !== method) continue;
    return [spec, Object.fromEntries(names.map((name, index) => [name, found[index + 1]!]))];
  }
  throw new Error(`no operation at ${method} ${path}`);
}

async function readBody(spec: EndpointSpec, request: IncomingMessage): Promise<unknown> {
  const parts: Uint8Array[] = [];
  for await (const part of request) parts.push(part);
  const bytes = Buffer.concat(parts);
  if (spec.body === undefined) return undefined;
  if (isByteStream(spec.body)) return new Blob([bytes]).stream();
  return z.decode(spec.body, JSON.parse(bytes.toString()));
}

async function respond(
  spec: EndpointSpec,
  response: ServerResponse,
  value: unknown,
): Promise<void> {
  if (value instanceof Response) return relay(value, response);
  response.statusCode = spec.status;
  if (spec.responseHeaders !== undefined) {
    const headers = z.encode(spec.responseHeaders, value as Record<string, unknown>);
    response.writeHead(spec.status, headers as Record<string, string>).end();
  } else if (spec.response === undefined) response.end();
  else if (!isByteStream(spec.response))
    response.end(JSON.stringify(z.encode(spec.response, value)));
  else response.end(await new Response(value as ReadableStream<Uint8Array<ArrayBuffer>>).bytes());
}

async function relay(answer: Response, response: ServerResponse): Promise<void> {
  const bytes = await answer.bytes();
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  const isShort = Number(answer.headers.get('content-length') ?? 0) > bytes.length;
  if (isShort) response.write(bytes, () => response.destroy());
  else response.end(bytes);
}

function attend(platform: Platform, device: Device, socket: WebSocket): void {
  device.socket?.terminate();
  device.socket = socket;
  const refused = new Map<ConversationId, number>();
  const { user, device: id } = device;
  const cursors = [...device.cursors].map(([conversation, seq]) => ({ conversation, seq }));
  const sent = platform.rooms.flatMap(({ messages }) =>
    messages.filter(({ from }) => from === device),
  );
  tell(device, { type: 'hello', user, device: id, incarnation: 1, sent: sent.length, cursors });
  for (const room of platform.rooms) catchUp(platform, room, device);
  socket.on('message', (data) => {
    const frame = z.decode(ClientFrame, JSON.parse(String(data)));
    if (frame.type === 'ack') device.cursors.set(frame.conversation, frame.seq);
    else if (frame.type === 'withdraw') refused.delete(frame.conversation);
    else if (frame.type === 'send')
      take(platform, { device, refused, message: frame.message, number: frame.number });
    else if (frame.type === 'ephemeral') passOn(platform, device, frame);
  });
}

/** What is not stored goes to whom it is for, as far as they are connected. */
function passOn(platform: Platform, from: Device, frame: EphemeralFrame): void {
  const { conversation, recipients = [], ciphertext: forAll } = frame;
  const members = platform.rooms.find(({ id }) => id === conversation)?.members ?? [];
  const sender = { user: from.user, device: from.device };
  for (const to of platform.devices) {
    const own = recipients.find(({ device }) => device === to.device)?.ciphertext;
    const ciphertext = own ?? (members.includes(to.user) && to !== from ? forAll : undefined);
    if (ciphertext === undefined) continue;
    platform.signals.push({ to, ciphertext });
    tell(to, { type: 'ephemeral', conversation, sender, ciphertext });
  }
}

function catchUp(platform: Platform, room: Room, to: Device): void {
  if (!isReader(room, to.user)) return;
  const { first, last, cursor: from } = describe(room, to);
  if (last <= from) return;
  const slots = slotsOf(platform, room, to).filter((slot) => endOf(slot) > from);
  const conversation = room.id;
  tell(to, { type: 'catch-up', conversation, first, from, last });
  tell(to, { type: 'slots', conversation, slots, caughtUp: true });
}

interface Send {
  readonly device: Device;
  readonly refused: Map<ConversationId, number>;
  readonly message: OutgoingMessage;
  readonly number: number;
}

/** Refuses what comes after a refused number, as the contract says, until that number comes again. */
function take(platform: Platform, { device, refused, message, number }: Send): void {
  const { conversation, id } = message;
  const room = platform.rooms.find((known) => known.id === conversation)!;
  // An id is its sending device's own.
  const known = room.messages.find(({ stored, from }) => stored.id === id && from === device);
  const waitsFor = refused.get(conversation);
  const blocked = waitsFor !== undefined && number > waitsFor;
  const verdict = blocked
    ? toProblem(new ApiError('message.after-refused'))
    : known
      ? judgeAgain(known, message)
      : (platform.judge(message, number, device) ??
        judgeInGroup(platform, room, { from: device, message }));
  if (verdict !== undefined && verdict !== 'cut') {
    if (!blocked) refused.set(conversation, number);
    tell(device, { type: 'refused', id, conversation, number, problem: verdict });
    return;
  }
  refused.delete(conversation);
  const seq = lastOf(room) + 1;
  const stored = known?.stored ?? { id, conversation, seq, sentAt: NOW };
  if (known === undefined) room.messages.push({ message, from: device, stored });
  if (verdict === 'cut') {
    device.socket?.terminate();
    return;
  }
  tell(device, { type: 'stored', number, ...stored });
  if (known === undefined) deliver(platform, room, seq);
}

/** The same id stands for the same bytes, always. */
function judgeAgain(
  known: { message: OutgoingMessage; stored: Stored },
  message: OutgoingMessage,
): Problem | undefined {
  if (isDeepStrictEqual(known.message, message)) return undefined;
  const { conversation, seq, sentAt } = known.stored;
  return toProblem(new ApiError('message.id-conflict', { stored: { conversation, seq, sentAt } }));
}

function deliver(platform: Platform, room: Room, seq: number): void {
  for (const to of platform.devices) {
    if (!mayRead(room, to.user, seq)) continue;
    const slots = slotsOf(platform, room, to).filter((slot) => endOf(slot) === seq);
    tell(to, { type: 'slots', conversation: room.id, slots });
  }
}

function tell({ socket }: Device, frame: ServerFrame): void {
  socket?.send(JSON.stringify(z.encode(ServerFrame, frame)));
}
