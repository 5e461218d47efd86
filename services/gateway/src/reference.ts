/** The contract as one page to read: rendered when the gateway starts, so it is never stale, and without a script. */
import { PROBLEM_TITLES, PROBLEMS, type ProblemCode } from '@sotto/api';
import { type Document, page } from './documents.ts';
import { type Html, html } from './html.ts';
import { type Schema, schemaFields } from './schema-fields.ts';

/** The parts of an OpenAPI document that the page shows. */
interface Contract {
  info: { title: string; version: string; description: string };
  tags: readonly { name: string }[];
  paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Parameter {
  name: string;
  in: string;
  required: boolean;
  schema: Schema;
}

interface Operation {
  operationId: string;
  tags: readonly string[];
  summary: string;
  security: readonly unknown[];
  /** The one that is referred to is the proof of the device key. */
  parameters: readonly (Parameter | { $ref: string })[];
  requestBody?: { content: Content };
  responses: Readonly<Record<string, { description: string; content?: Content }>>;
}

type Content = Readonly<Record<string, { schema: Schema }>>;

interface Placed {
  path: string;
  method: string;
  operation: Operation;
}

const SECTIONS: Readonly<Record<string, string>> = {
  auth: 'Accounts and sessions',
  key: 'Keys',
  message: 'Conversations and messages',
  file: 'Files',
};

/** The page. `contract` is what `openApiDocument` gives. */
export function reference(document: Readonly<Record<string, unknown>>): Document {
  const { info, tags, paths } = document as Readonly<Record<string, unknown>> & Contract;
  const operations = Object.entries(paths).flatMap(([path, methods]) => {
    return Object.entries(methods).map(([method, operation]) => ({ path, method, operation }));
  });
  const sections = tags.map(({ name }) => ({
    title: SECTIONS[name] ?? name,
    name,
    operations: operations.filter(({ operation }) => operation.tags.includes(name)),
  }));
  return page(
    `${info.title} API reference`,
    html`<div class="reference">
<nav aria-label="Operations">
<a href="/">${info.title}</a> ${info.version}
${sections.map(({ title, operations: placed }) => html`<h2>${title}</h2><ul>${placed.map(navigationItem)}</ul>`)}
<h2>Everywhere</h2><ul><li><a href="#problems">Problems</a></li></ul>
</nav>
<main>
<h1>${info.title} API</h1>
<p>${info.description}</p>
${introduction()}
${sections.map(({ title, name, operations: placed }) => html`<h2 id="${name}">${title}</h2>${placed.map(article)}`)}
<h2 id="problems">Problems</h2>
<p>The <code>code</code> of a problem is stable; switch over it, not over the text.</p>
<article>${problemList(Object.keys(PROBLEMS) as ProblemCode[])}</article>
</main>
</div>`,
  );
}

function introduction(): Html {
  return html`<p>Bodies are JSON in UTF-8; bytes are unpadded base64url text; times are RFC 3339 in UTC. Fields that an
operation does not know are refused. Operations that need a caller take an access token as
<code>Authorization: Bearer …</code>. A session may be bound to a device key: requests that change keys, devices or the
account then carry a proof by that key in the header <code>DPoP</code> (RFC 9449). Every failure is an <code>application/problem+json</code> body with a
<a href="#problems">code</a>. The WebSocket at <code>/api/v1/ws</code> carries messages as they happen.</p>
<p class="quiet">The same contract as <a href="/openapi.json">OpenAPI 3.1</a> and as <a href="/docs">forms to try</a>;
the frames of the WebSocket as <a href="/asyncapi.json">AsyncAPI 3.0</a>.</p>`;
}

function navigationItem({ operation }: Placed): Html {
  return html`<li><a href="#${operation.operationId}">${operation.operationId}</a></li>`;
}

function article({ path, method, operation }: Placed): Html {
  const { operationId, summary, security, parameters, requestBody, responses } = operation;
  const own = parameters.filter((parameter) => 'name' in parameter);
  const proof = own.length < parameters.length ? PROOF : '';
  return html`<article id="${operationId}">
<h3>${summary}</h3>
<div class="call"><span class="method">${method.toUpperCase()}</span><code class="path">${path}</code></div>
<p class="quiet">${security.length > 0 ? 'Needs an access token' : 'Open to anyone'}${proof}</p>
${own.length > 0 ? html`<h4>Parameters</h4>${parameterList(own)}` : undefined}
${requestBody && html`<h4>Request</h4>${contentOf(requestBody.content)}`}
${Object.entries(responses).filter(isSuccess).map(answer)}
<h4>Problems</h4>${problemList(problemsOf(responses))}
</article>`;
}

const PROOF = '; a session that is bound to a device key signs the request';

function parameterList(parameters: readonly Parameter[]): Html {
  const properties = Object.fromEntries(parameters.map(({ name, schema }) => [name, schema]));
  const required = parameters.filter((one) => one.required).map(({ name }) => name);
  return schemaFields({ type: 'object', properties, required });
}

function isSuccess([status]: readonly [string, unknown]): boolean {
  return status.startsWith('2');
}

function answer([status, { content }]: readonly [string, { content?: Content }]): Html {
  return html`<h4>Answer ${status}</h4>${content ? contentOf(content) : html`<p class="type">no body</p>`}`;
}

function contentOf(content: Content): Html {
  const media = Object.entries(content).map(([type, { schema }]) => {
    return type === 'application/json'
      ? schemaFields(schema)
      : html`<p class="type">${type}, streamed</p>`;
  });
  return html`${media}`;
}

/** The document lists a status's codes in its description. */
function problemsOf(responses: Operation['responses']): ProblemCode[] {
  return Object.entries(responses)
    .filter((entry) => !isSuccess(entry))
    .flatMap(([, { description }]) => description.match(/[a-z]+(?:[.-][a-z]+)*/g) ?? [])
    .filter((code): code is ProblemCode => code in PROBLEMS);
}

function problemList(codes: readonly ProblemCode[]): Html {
  const rows = codes.map((code) => {
    const { status } = PROBLEMS[code];
    const title = PROBLEM_TITLES[code];
    return html`<dt>${status}</dt><dd><code>${code}</code></dd><dd>${title}</dd>`;
  });
  return html`<dl class="problems">${rows}</dl>`;
}
