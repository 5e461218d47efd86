/**
 * A platform in memory for tests, which does on command what the real one must never do or does only when something
 * breaks: refuse, fall silent, cut connections, repeat, hide, reorder. The real platform is tested in `tests/e2e`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Answer,
  ApiError,
  type authEndpoints,
  type Body,
  type Bundle,
  ClientFrame,
  type Conversation,
  type ConversationId,
  type DeviceBundle,
  type DeviceId,
  type EndpointSpec,
  endpoints,
  type FileId,
  type fileEndpoints,
  isByteStream,
  type keyEndpoints,
  type MessageSlot,
  type messageEndpoints,
  type OutgoingMessage,
  type Params,
  type Problem,
  type Query,
  ServerFrame,
  type SessionId,
  type Slot,
  SOCKET_PROTOCOL,
  SOCKET_TICKET_PREFIX,
  type Stored,
  toProblem,
  type UserId,
} from '@sotto/api';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';

interface Device {
  readonly user: UserId;
  readonly device: DeviceId;
  readonly username: string;
  bundle: Partial<Omit<DeviceBundle, 'oneTimePrekey'>>;
  identityKey?: Uint8Array;
  oneTimePrekeys: { id: number; publicKey: Uint8Array }[];
  readonly cursors: Map<ConversationId, number>;
  socket?: WebSocket;
}

interface Room {
  readonly id: ConversationId;
  readonly members: UserId[];
  readonly messages: { message: OutgoingMessage; from: Device; stored: Stored }[];
}

export interface Platform {
  readonly url: string;
  readonly devices: Device[];
  readonly rooms: Room[];
  /** Asked for each send: a problem refuses it, `cut` stores it and breaks the connection before the answer. */
  judge: (message: OutgoingMessage, number: number) => Problem | 'cut' | undefined;
  /** Changes what a device is sent, in history and live alike. */
  show: (slot: Slot, to: Device) => Slot[];
  /** Every call so far, as operation ids; a test may fail the next ones. */
  readonly calls: string[];
  failCall: (operation: string) => ApiError | 'cut' | undefined;
  /** Breaks every connection without a goodbye. */
  cutAll(): void;
  close(): Promise<void>;
}

/** Starts one on a free port of 127.0.0.1. */
export async function startPlatform(): Promise<Platform> {
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => SOCKET_PROTOCOL });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const platform: Platform = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    devices: [],
    rooms: [],
    judge: () => undefined,
    show: (slot) => [slot],
    calls: [],
    failCall: () => undefined,
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

type Spec =
  | (typeof authEndpoints)[number]
  | (typeof keyEndpoints)[number]
  | (typeof messageEndpoints)[number]
  | (typeof fileEndpoints)[number];

interface Given<E extends EndpointSpec> {
  params: Params<E>;
  query: Query<E>;
  body: Body<E>;
  caller: Device;
}

type Handlers = {
  [E in Spec as E['id']]?: (
    platform: Platform,
    given: Given<E>,
  ) => Answer<E> | Promise<Answer<E>> | undefined;
};
type Handler = (platform: Platform, given: { [part: string]: unknown }) => unknown;

async function answer(platform: Platform, request: IncomingMessage, response: ServerResponse) {
  const target = new URL(request.url ?? '/', platform.url);
  const [spec, params] = match(request.method ?? '', target.pathname);
  platform.calls.push(spec.id);
  try {
    const failure = platform.failCall(spec.id);
    if (failure === 'cut') return response.destroy();
    if (failure !== undefined) throw failure;
    const device = request.headers.authorization?.replace(/^Bearer access-\d+-/, '');
    const caller = platform.devices.find((known) => known.device === device);
    if (spec.access === 'user' && caller === undefined) throw new ApiError('auth.token-invalid');
    const query = spec.query?.parse(Object.fromEntries(target.searchParams));
    const body = await readBody(spec, request);
    const handler = handlers[spec.id as Spec['id']] as Handler | undefined;
    const value = await handler?.(platform, { params, query, body, caller: caller ?? NOBODY });
    await respond(spec, response, value);
  } catch (error) {
    const problem = toProblem(error instanceof ApiError ? error : new ApiError('internal'));
    response.writeHead(problem.status, { 'content-type': 'application/problem+json' });
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
  response.statusCode = spec.status;
  if (spec.response === undefined) response.end();
  else if (!isByteStream(spec.response))
    response.end(JSON.stringify(z.encode(spec.response, value)));
  else response.end(await new Response(value as ReadableStream<Uint8Array<ArrayBuffer>>).bytes());
}

let made = 0;
const uuid = () => `00000000-0000-4000-8000-${String(++made).padStart(12, '0')}`;
const files = new Map<FileId, Blob>();

function login(device: Device) {
  const { user, username } = device;
  return {
    ...{ user, username, device: device.device, session: uuid() as SessionId },
    accessToken: `access-${++made}-${device.device}`,
    refreshToken: `refresh-${device.device}`,
    ...{ accessExpiresIn: 900, refreshExpiresIn: 9000 },
  };
}

function newDevice(user: UserId, username: string): Device {
  const device = uuid() as DeviceId;
  return { user, device, username, bundle: {}, oneTimePrekeys: [], cursors: new Map() };
}

const handlers: Handlers = {
  register({ devices }, { body }) {
    if (devices.some((device) => device.username === body.username)) {
      throw new ApiError('auth.username-taken');
    }
    devices.push(newDevice(uuid() as UserId, body.username));
    return login(devices.at(-1)!);
  },
  login({ devices }, { body }) {
    const [first] = devices.filter((device) => device.username === body.username);
    if (body.device === undefined) devices.push(newDevice(first!.user, body.username));
    const asked = body.device ?? devices.at(-1)!.device;
    return login(devices.find((device) => device.device === asked)!);
  },
  refresh: ({ devices }, { body }) =>
    login(devices.find((device) => `refresh-${device.device}` === body.refreshToken)!),
  logout: () => undefined,
  publishIdentity(_, { caller, body }) {
    caller.identityKey = body.identityKey;
    caller.bundle.registrationId = body.registrationId;
    return { user: caller.user, identityKey: body.identityKey, publishedAt: NOW };
  },
  publishSignedPrekey(_, { caller, body }) {
    caller.bundle.signedPrekey = body;
    return { id: body.id, publishedAt: NOW };
  },
  publishOneTimePrekeys(_, { caller, body }) {
    caller.oneTimePrekeys.push(...body.prekeys);
    return { available: caller.oneTimePrekeys.length };
  },
  countPrekeys: (_, { caller }) => ({ oneTimePrekeys: caller.oneTimePrekeys.length }),
  getBundle: ({ devices }, { params, query }) =>
    bundleOf(
      devices.filter((device) => device.user === params.user_id),
      query.device,
    ),
  createConversation({ rooms }, { caller, body }) {
    const members = [caller.user, body.with];
    const known = rooms.find((room) => members.every((member) => room.members.includes(member)));
    if (known === undefined) rooms.push({ id: uuid() as ConversationId, members, messages: [] });
    return describe(known ?? rooms.at(-1)!, caller);
  },
  getConversation: ({ rooms }, { caller, params }) =>
    describe(rooms.find((room) => room.id === params.id)!, caller),
  listMessages(platform, { caller, params, query }) {
    const room = platform.rooms.find((known) => known.id === params.id)!;
    const slots = slotsOf(platform, room, caller).filter(
      (slot) => endOf(slot) > Number(query.after),
    );
    return { incarnation: 1, first: 1, last: room.messages.length, slots };
  },
  searchUsers: ({ devices }, { query }) => ({
    users: devices
      .filter((device) => device.username.startsWith(query.name))
      .map(({ user, username }) => ({ user, username })),
  }),
  openSocketTicket: (_, { caller }) => ({
    ticket: `ticket-of-device-${caller.device}`,
    expiresIn: 30,
  }),
  async uploadFile(_, { body }) {
    const id = uuid() as FileId;
    const blob = await new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>).blob();
    files.set(id, blob);
    return { id, size: blob.size, sha256: new Uint8Array(32), createdAt: NOW };
  },
  downloadFile: (_, { params }) => files.get(params.id)!.stream(),
  grantFile: () => undefined,
};

const NOW = '2026-01-01T00:00:00.000Z';

function bundleOf(devices: readonly Device[], only: string | undefined): Bundle {
  const published = devices.filter((device) => device.bundle.signedPrekey !== undefined);
  const [first] = published;
  if (first === undefined) throw new ApiError('key.identity-unknown');
  const asked = published.filter((device) => only === undefined || device.device === only);
  const bundles = asked.map((device) => {
    const oneTimePrekey = device.oneTimePrekeys.shift();
    const { registrationId, signedPrekey } = device.bundle;
    const known = { device: device.device, registrationId, signedPrekey };
    return (oneTimePrekey ? { ...known, oneTimePrekey } : known) as DeviceBundle;
  });
  return { user: first.user, identityKey: first.identityKey!, devices: bundles };
}

function describe({ id, members, messages }: Room, caller: Device): Conversation {
  const cursor = caller.cursors.get(id) ?? 0;
  return { id, kind: 'direct', members, version: 1, first: 1, last: messages.length, cursor };
}

function slotsOf(platform: Platform, { messages }: Room, to: Device): Slot[] {
  return messages.flatMap(({ message, from, stored }) => {
    const own = message.recipients.find((recipient) => recipient.device === to.device);
    const { seq } = stored;
    const none: Slot = { type: 'none', from: seq, to: seq };
    if (own === undefined) return platform.show(none, to);
    const slot: MessageSlot = {
      ...{ type: 'message', seq, id: stored.id, kind: message.kind, sentAt: NOW },
      sender: { user: from.user, device: from.device },
      ciphertext: own.ciphertext,
    };
    return platform.show(slot, to);
  });
}

function endOf(slot: Slot): number {
  return slot.type === 'none' ? slot.to : slot.seq;
}

function attend(platform: Platform, device: Device, socket: WebSocket): void {
  device.socket?.terminate();
  device.socket = socket;
  const refused = new Map<ConversationId, number>();
  tell(device, { type: 'hello', user: device.user, device: device.device, incarnation: 1 });
  for (const room of platform.rooms)
    if (room.members.includes(device.user)) catchUp(platform, room, device);
  socket.on('message', (data) => {
    const frame = z.decode(ClientFrame, JSON.parse(String(data)));
    if (frame.type === 'ack') device.cursors.set(frame.conversation, frame.seq);
    else if (frame.type === 'withdraw') refused.delete(frame.conversation);
    else take(platform, { device, refused, message: frame.message, number: frame.number });
  });
}

function catchUp(platform: Platform, room: Room, to: Device): void {
  const from = to.cursors.get(room.id) ?? 0;
  const slots = slotsOf(platform, room, to).filter((slot) => endOf(slot) > from);
  const conversation = room.id;
  tell(to, { type: 'catch-up', conversation, first: 1, from, last: room.messages.length });
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
  const known = room.messages.find(({ stored }) => stored.id === id);
  const waitsFor = refused.get(conversation);
  const blocked = waitsFor !== undefined && number > waitsFor;
  const verdict = blocked
    ? toProblem(new ApiError('message.after-refused'))
    : known
      ? undefined
      : platform.judge(message, number);
  if (verdict !== undefined && verdict !== 'cut') {
    if (!blocked) refused.set(conversation, number);
    tell(device, { type: 'refused', id, conversation, number, problem: verdict });
    return;
  }
  refused.delete(conversation);
  const seq = room.messages.length + 1;
  const stored = known?.stored ?? { id, conversation, seq, sentAt: NOW };
  if (known === undefined) room.messages.push({ message, from: device, stored });
  if (verdict === 'cut') {
    device.socket?.terminate();
    return;
  }
  tell(device, { type: 'stored', number, ...stored });
  if (known === undefined) deliver(platform, room, seq);
}

function deliver(platform: Platform, room: Room, seq: number): void {
  for (const to of platform.devices) {
    if (!room.members.includes(to.user)) continue;
    const slots = slotsOf(platform, room, to).filter((slot) => endOf(slot) === seq);
    tell(to, { type: 'slots', conversation: room.id, slots });
  }
}

function tell({ socket }: Device, frame: ServerFrame): void {
  socket?.send(JSON.stringify(z.encode(ServerFrame, frame)));
}
