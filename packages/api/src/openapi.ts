/** The contract as an OpenAPI 3.1 document. */
import * as z from 'zod/mini';
import { accountEndpoints } from './account.ts';
import { authEndpoints } from './auth.ts';
import { conversationEndpoints } from './conversation.ts';
import { deviceEndpoints } from './device.ts';
import { type BodySchema, commonProblems, type EndpointSpec, isByteStream } from './endpoint.ts';
import { fileEndpoints } from './file.ts';
import { uploadEndpoints } from './file-upload.ts';
import { keyEndpoints } from './key.ts';
import { keyLogEndpoints } from './key-log.ts';
import { messageEndpoints } from './message.ts';
import { peopleEndpoints } from './people.ts';
import { PROBLEMS, Problem, type ProblemCode } from './problem.ts';
import { pushEndpoints } from './push.ts';
import { SUMMARIES } from './summaries.ts';

/** Every public operation, in the order in which they are documented. */
export const endpoints: readonly EndpointSpec[] = [
  ...authEndpoints,
  ...accountEndpoints,
  ...deviceEndpoints,
  ...keyEndpoints,
  ...keyLogEndpoints,
  ...conversationEndpoints,
  ...messageEndpoints,
  ...peopleEndpoints,
  ...pushEndpoints,
  ...fileEndpoints,
  ...uploadEndpoints,
];

type JsonObject = { [key: string]: unknown };

/** The document. `version` is the platform's. */
export function openApiDocument(version: string): JsonObject {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sotto',
      version,
      description: 'Self-hosted, end-to-end encrypted messaging on the Signal protocol.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: ['auth', 'key', 'message', 'file'].map((name) => ({ name })),
    paths: paths(),
    components: {
      schemas: { Problem: jsonSchema(Problem) },
      parameters: { proof: PROOF_PARAMETER },
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

/**
 * Ways to send an access token. One that is bound to a device key goes by the second, with a proof. By their names they
 * are headers like any other: the scheme `DPoP` of RFC 9449 is one that tools do not know.
 */
const SECURITY_SCHEMES = {
  accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  boundToken: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description:
      'An access token of a session that is bound to a device key (RFC 9449): `DPoP <token>`, with a `proof` beside it.',
  },
  proof: {
    type: 'apiKey',
    in: 'header',
    name: 'DPoP',
    description: 'A proof by that device key, good for one request: see the parameter `DPoP`.',
  },
} as const;

/** Either kind of access token. */
const WITH_TOKEN = [{ accessToken: [] }, { boundToken: [], proof: [] }] as const;

const PROOF_PARAMETER = {
  name: 'DPoP',
  in: 'header',
  required: false,
  description:
    'A proof by the device key (RFC 9449): a JWT of type `dpop+jwt`, algorithm `EdDSA`, over method, URL, time, access token and the nonce that the last answer gave in `DPoP-Nonce`.',
  schema: { type: 'string' },
} as const;

function paths(): JsonObject {
  const byPath: { [path: string]: JsonObject } = {};
  for (const spec of endpoints) {
    byPath[spec.path] = { ...byPath[spec.path], [spec.method.toLowerCase()]: operation(spec) };
  }
  return byPath;
}

function operation(spec: EndpointSpec): JsonObject {
  return {
    operationId: spec.id,
    tags: [spec.service],
    summary: SUMMARIES[spec.id],
    security: spec.access === 'user' ? WITH_TOKEN : [],
    parameters: [
      ...parameters('path', spec.params),
      ...parameters('query', spec.query),
      ...parameters('header', spec.headers),
      ...(takesProof(spec) ? [{ $ref: '#/components/parameters/proof' }] : []),
    ],
    ...(spec.body !== undefined && {
      requestBody: { required: true, content: content(spec.body) },
    }),
    responses: { ...success(spec), ...failures(spec) },
  };
}

/** Every operation looks at a proof that comes with an access token; these want one, or bind a new session by it. */
function takesProof({ proof, problems }: EndpointSpec): boolean {
  return proof !== undefined || problems.includes('auth.proof-nonce');
}

function parameters(
  place: 'path' | 'query' | 'header',
  schema: z.core.$ZodObject | undefined,
): JsonObject[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: property,
  }));
}

function success(spec: EndpointSpec): JsonObject {
  const description = spec.status === 204 ? 'Done' : 'Success';
  const headers = { ...everyHeader(spec), ...answerHeaders(spec.responseHeaders) };
  return {
    [spec.status]: {
      description,
      ...(Object.keys(headers).length > 0 && { headers }),
      ...(spec.response !== undefined && { content: content(spec.response) }),
    },
  };
}

function answerHeaders(schema: z.core.$ZodObject | undefined): JsonObject {
  const headers = parameters('header', schema);
  return Object.fromEntries(
    headers.map(({ name, required, schema }) => [String(name), { required, schema }]),
  );
}

function everyHeader({ everyAnswer = {} }: EndpointSpec): JsonObject {
  const headers = Object.entries(everyAnswer);
  return Object.fromEntries(
    headers.map(([name, value]) => [name, { required: true, schema: { const: value } }]),
  );
}

function failures(spec: EndpointSpec): JsonObject {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of [...commonProblems(spec), ...spec.problems]) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const problem = {
    'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
  };
  const answer = {
    ...(spec.everyAnswer !== undefined && { headers: everyHeader(spec) }),
    // The answer to HEAD has only the header `problem-code`.
    ...(spec.method !== 'HEAD' && { content: problem }),
  };
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      { description: codes.map((code) => `\`${code}\``).join(', '), ...answer },
    ]),
  );
}

function content(body: Exclude<BodySchema, undefined>): JsonObject {
  if (isByteStream(body)) {
    return { [body.stream]: { schema: { type: 'string', format: 'binary' } } };
  }
  return { 'application/json': { schema: jsonSchema(body) } };
}

function jsonSchema(schema: z.core.$ZodType): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
}
