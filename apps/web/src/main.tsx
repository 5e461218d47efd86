/** The web client's page. */
import '@fontsource-variable/inter/wght.css';
import './design/tokens.css';
import './design/page.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Boundary } from './design/index.ts';
import { Insecure } from './entrance/insecure.tsx';
import { lackOf } from './entrance/surroundings.ts';
import { endNotifications } from './push/notifications.ts';
import { keepPage } from './push/update-notice.tsx';
import { showTheme } from './settings/theme.ts';
import { App } from './shell/app.tsx';
import { Broken } from './shell/broken.tsx';
import { openSession } from './shell/session.ts';
import { hasStore, keepStore, onRemoval, openClient, removeStore } from './worker/open-client.ts';

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <Boundary fallback={<Broken />}>{page()}</Boundary>
    </StrictMode>,
  );
}
keepPage();

function page() {
  const lack = lackOf(globalThis);
  if (lack !== undefined) return <Insecure lack={lack} />;
  showTheme();
  const deps = { hasStore, openClient, removeStore, keepStore, onRemoval, endNotifications };
  return <App session={openSession(deps)} />;
}
