/** The socket as an AsyncAPI 3.0 document: what a client sends, what it gets, and how the connection ends. */
import * as z from 'zod/mini';
import { Address, ConversationId, DeviceId, MessageId, UserId } from './ids.ts';
import { EmptySlots, MembershipSlot, MessageSlot, OutgoingMessage, Slot } from './message.ts';
import { Problem } from './problem.ts';
import {
  CLOSE_CODES,
  ClientFrame,
  ServerFrame,
  SOCKET_PATH,
  SOCKET_PROTOCOL,
  SOCKET_TICKET_PREFIX,
  SOCKET_TICKET_SECONDS,
} from './socket.ts';
import { CLIENT_FRAMES, type FrameNote, SERVER_FRAMES } from './socket-frames.ts';

type JsonObject = { [key: string]: unknown };
type Side = 'client' | 'server';

/** Frames and what they are made of, each by the name that it has in the document. */
const SCHEMAS: { readonly [name: string]: z.core.$ZodType } = {
  ...frameSchemas('client', ClientFrame.def.options),
  ...frameSchemas('server', ServerFrame.def.options),
  OutgoingMessage,
  Slot,
  MessageSlot,
  MembershipSlot,
  EmptySlots,
  Problem,
  Address,
  UserId,
  DeviceId,
  ConversationId,
  MessageId,
};

/** The document. `version` is the platform's. Operations are the platform's: it receives what a client sends. */
export function asyncApiDocument(version: string): JsonObject {
  const messages = {
    ...frameMessages('client', CLIENT_FRAMES),
    ...frameMessages('server', SERVER_FRAMES),
  };
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Sotto: the socket',
      version,
      description:
        'Messages as they are sent and delivered. One JSON text frame is one message; fields and types that a client does not know are to be passed over. `docs/websocket.md` says in which order things happen.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    servers: SERVERS,
    channels: { socket: channel(Object.keys(messages)) },
    operations: operations(),
    components: { messages, schemas: schemas(), securitySchemes: SECURITY_SCHEMES },
  };
}

const SECURITY = ['accessToken', 'boundToken', 'ticket'].map((name) => ({
  $ref: `#/components/securitySchemes/${name}`,
}));

const SERVERS = {
  platform: {
    host: '{host}',
    protocol: 'wss',
    description: 'The gateway: the same origin as the REST operations.',
    variables: { host: { default: 'chat.example.org' } },
    security: SECURITY,
  },
  local: {
    host: 'localhost:8080',
    protocol: 'ws',
    description: 'What `npm start` opens.',
    security: SECURITY,
  },
} as const;

const SECURITY_SCHEMES = {
  accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  boundToken: {
    type: 'httpApiKey',
    in: 'header',
    name: 'Authorization',
    description:
      'An access token of a session that is bound to a device key (RFC 9449): `DPoP <token>`, with a proof for GET in the header `DPoP`.',
  },
  ticket: {
    type: 'httpApiKey',
    in: 'header',
    name: 'Sec-WebSocket-Protocol',
    description: `For clients that cannot set headers: \`${SOCKET_PROTOCOL}, ${SOCKET_TICKET_PREFIX}<ticket>\`, with a ticket of \`openSocketTicket\`, good once and for ${SOCKET_TICKET_SECONDS} seconds.`,
  },
} as const;

/** What a client does after each close code of ours. */
const CLOSE_NOTES: { readonly [Name in keyof typeof CLOSE_CODES]: string } = {
  tokenEnded: 'The access token expired or was revoked: refresh it, connect again.',
  replaced: 'This device connected again elsewhere: do not connect again by yourself.',
  slow: 'Too little was read, or too much begun: connect again, everything is still there.',
  badFrame: 'A frame broke the contract: mend the client. The reason is a problem code.',
  draining: 'This node is going down: connect again at once.',
};

function channel(names: readonly string[]): JsonObject {
  return {
    address: SOCKET_PATH,
    title: 'The socket of a device',
    description: `Opened by GET with the subprotocol \`${SOCKET_PROTOCOL}\`. A device has one: another one of the same device ends the older.`,
    messages: Object.fromEntries(
      names.map((name) => [name, { $ref: `#/components/messages/${name}` }]),
    ),
    bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
    'x-close-codes': Object.entries(CLOSE_NOTES).map(([name, description]) => ({
      code: CLOSE_CODES[name as keyof typeof CLOSE_CODES],
      name,
      description,
    })),
  };
}

/** The frames that answer a `send`. */
const REPLIES = ['stored', 'refused'] as const;

function operations(): JsonObject {
  const received = Object.entries(CLIENT_FRAMES).map(([type, { summary }]) => {
    const operation = { ...operationOf('client', type, summary), action: 'receive' };
    return type === 'send' ? { ...operation, reply: { messages: replies() } } : operation;
  });
  const sent = Object.entries(SERVER_FRAMES)
    .filter(([type]) => !REPLIES.some((reply) => reply === type))
    .map(([type, { summary }]) => ({ ...operationOf('server', type, summary), action: 'send' }));
  return Object.fromEntries(
    [...received, ...sent].map(({ name, ...operation }) => [name, operation]),
  );
}

function operationOf(side: Side, type: string, summary: string) {
  const message = { $ref: `#/channels/socket/messages/${nameOf(side, type)}` };
  return {
    name: nameOf(side, type),
    channel: { $ref: '#/channels/socket' },
    summary,
    messages: [message],
  };
}

function replies(): JsonObject[] {
  return REPLIES.map((type) => ({
    $ref: `#/channels/socket/messages/${nameOf('server', type)}`,
  }));
}

/** `send` of a client to `clientSend`: a type may be of both sides. */
function nameOf(side: Side, type: string): string {
  const words = type.split('-').map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`);
  return `${side}${words.join('')}`;
}

function frameMessages(
  side: Side,
  notes: { readonly [type: string]: FrameNote<unknown> },
): JsonObject {
  return Object.fromEntries(
    Object.entries(notes).map(([type, { summary, example }]) => {
      const name = nameOf(side, type);
      const payload = { $ref: `#/components/schemas/${name}` };
      return [
        name,
        { name: type, title: type, summary, payload, examples: [{ payload: example }] },
      ];
    }),
  );
}

function frameSchemas(
  side: Side,
  options: readonly (z.ZodMiniObject & { shape: { type: z.ZodMiniLiteral<string> } })[],
): { [name: string]: z.core.$ZodType } {
  return Object.fromEntries(
    options.flatMap((option) =>
      option.shape.type.def.values.map((type) => [nameOf(side, type), option]),
    ),
  );
}

/** AsyncAPI reads draft 7 of JSON Schema. What is named refers to each other by name. */
function schemas(): JsonObject {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(SCHEMAS)) registry.add(schema, { id });
  const { schemas: made } = z.toJSONSchema(registry, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(
    Object.entries(made).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]),
  );
}
