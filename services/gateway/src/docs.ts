/** The documents: Swagger UI at /docs with its assets from here, the reference at /redoc, the contract itself. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { asyncApiDocument, openApiDocument } from '@sotto/api';
import type { App } from '@sotto/runtime';
import { type Document, readAsset, serve } from './documents.ts';
import { pagePolicy } from './headers.ts';
import { landing } from './landing.ts';
import { reference } from './reference.ts';
import { serveWebClient } from './web-client.ts';

export interface DocumentsOptions {
  version: string;
  /** The certificate of an authority that clients are to trust, in PEM. */
  authority?: string | undefined;
  /** The folder of the web client's build; a page about the platform stands in its place when left out. */
  webClient?: string | undefined;
}

/** Adds the routes of all documents. */
export function documents(app: App, { version, authority, webClient }: DocumentsOptions): void {
  const contract = openApiDocument(version);
  if (webClient === undefined) serve(app, '/', landing(version));
  else serveWebClient(app, webClient);
  serve(app, '/icon.svg', { body: readAsset('icon.svg'), type: 'image/svg+xml' });
  serve(app, '/openapi.json', { body: JSON.stringify(contract), type: 'application/json' });
  serve(app, '/asyncapi.json', {
    body: JSON.stringify(asyncApiDocument(version)),
    type: 'application/json',
  });
  serve(app, '/redoc', reference(contract));
  serve(app, '/docs', swaggerPage());
  serve(app, '/docs/swagger-initializer.js', {
    body: readAsset('swagger-initializer.js'),
    type: 'text/javascript; charset=utf-8',
  });
  for (const [name, type] of Object.entries(SWAGGER_ASSETS)) {
    serve(app, `/docs/${name}`, { body: readSwaggerAsset(name), type });
  }
  if (authority !== undefined) {
    // The type by which phones offer to install it.
    serve(app, '/ca.crt', { body: authority, type: 'application/x-x509-ca-cert' });
  }
}

const SWAGGER_ASSETS = {
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'swagger-ui.css': 'text/css; charset=utf-8',
};

function readSwaggerAsset(name: string): Uint8Array<ArrayBuffer> {
  const manifest = createRequire(import.meta.url).resolve('swagger-ui-dist/package.json');
  return readFileSync(join(dirname(manifest), name));
}

function swaggerPage(): Document {
  return {
    body: readAsset('swagger.html'),
    type: 'text/html; charset=utf-8',
    policy: pagePolicy({
      'script-src': "'self'",
      'style-src': "'self'",
      // Its style sheet holds its icons.
      'img-src': "'self' data:",
      'connect-src': "'self'",
    }),
  };
}
