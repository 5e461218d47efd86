/** The web client's page. */
import '@fontsource-variable/inter/wght.css';
import './design/tokens.css';
import './design/page.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './shell/app.tsx';
import { openSession } from './shell/session.ts';
import { openClient, removeStore } from './worker/open-client.ts';

const root = document.getElementById('root');
if (root !== null) {
  const session = openSession({ openClient, removeStore });
  createRoot(root).render(
    <StrictMode>
      <App session={session} />
    </StrictMode>,
  );
}
