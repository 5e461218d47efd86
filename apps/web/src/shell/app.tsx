/** The whole client: what stands on the page depends on whether this browser holds an account. */
import { ClientProvider, useObservable } from '@sotto/hooks';
import { ToastProvider } from '../design/index.ts';
import { Entrance } from '../entrance/entrance.tsx';
import { SessionEnded } from '../entrance/session-ended.tsx';
import { Home } from './home.tsx';
import { MeProvider } from './me.ts';
import { Opening, OpeningFailed } from './opening.tsx';
import { type Session, SessionProvider, useSession } from './session.ts';

/** The root of the page. */
export function App({ session }: { session: Session }) {
  return (
    <SessionProvider value={session}>
      <ToastProvider>
        <Stage />
      </ToastProvider>
    </SessionProvider>
  );
}

function Stage() {
  const session = useSession();
  const view = useObservable(session);
  switch (view.stage) {
    case 'opening':
      return <Opening />;
    case 'failed':
      return <OpeningFailed error={view.error} onRetry={session.open} />;
    case 'new':
      return <Entrance client={view.client} onEnter={session.enter} />;
    case 'ended':
      return <SessionEnded client={view.client} me={view.me} onEnter={session.enter} />;
    case 'in':
      return (
        <ClientProvider value={view.client}>
          <MeProvider value={view.me}>
            <Home />
          </MeProvider>
        </ClientProvider>
      );
  }
}
