/** The whole client: what stands on the page depends on whether this browser holds an account. */
import { ClientProvider, useObservable } from '@sotto/hooks';
import { lazy, Suspense } from 'react';
import { ToastProvider } from '../design/index.ts';
import { MeProvider } from './me.ts';
import { Opening, OpeningFailed } from './opening.tsx';
import { type Session, SessionProvider, useSession } from './session.ts';

// A browser needs one of them at a time: who comes back waits for no form, and who is new for no chat.
const Home = lazy(async () => {
  const { Home: component } = await import('./home.tsx');
  return { default: component };
});
const Entrance = lazy(async () => {
  const { Entrance: component } = await import('../entrance/entrance.tsx');
  return { default: component };
});
const SessionEnded = lazy(async () => {
  const { SessionEnded: component } = await import('../entrance/session-ended.tsx');
  return { default: component };
});

/** The root of the page. */
export function App({ session }: { session: Session }) {
  return (
    <SessionProvider value={session}>
      <ToastProvider>
        <Suspense fallback={<Opening />}>
          <Stage />
        </Suspense>
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
      return <Entrance openClient={view.openClient} onEnter={session.enter} />;
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
