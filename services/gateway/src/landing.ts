/** The front page of a platform without the web client: it runs, and this is where to read on. */
import { type Document, page } from './documents.ts';
import { html } from './html.ts';

export function landing(version: string): Document {
  return page(
    'Sotto',
    html`<main class="front">
<img src="/icon.svg" alt="">
<h1>Sotto is running</h1>
<p class="quiet">End-to-end encrypted messages and files, on a server of your own. What passes through here, the server
cannot read.</p>
<ul>
<li><a href="/docs"><strong>Try the API</strong><span>Every operation, with a form to call it</span></a></li>
<li><a href="/redoc"><strong>Read the reference</strong><span>The whole contract on one page, to read or to print</span></a></li>
<li><a href="/openapi.json"><strong>Get the contract</strong><span>OpenAPI 3.1, for generators and other tools</span></a></li>
<li><a href="/asyncapi.json"><strong>Get the socket</strong><span>AsyncAPI 3.0: the frames of the WebSocket</span></a></li>
</ul>
<p class="quiet">Version ${version}</p>
</main>`,
  );
}
