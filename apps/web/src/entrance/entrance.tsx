/** The way in, for who has no account here yet: one question a screen. */
import type { Me, Registered } from '@sotto/client';
import { lazy, Suspense, useEffect, useState } from 'react';
import { Spinner } from '../design/index.ts';
import type { OpenClient } from '../shell/session.ts';
import { ExistingAccount } from './existing-account.tsx';
import { Frame } from './frame.tsx';
import { invitationIn } from './invitation.ts';
import { LoginForm } from './login-form.tsx';
import { RecoverForm } from './recover-form.tsx';
import { RecoveryCode } from './recovery-code.tsx';
import { RegisterForm } from './register-form.tsx';
import { Welcome } from './welcome.tsx';

// Few come by these ways, and each brings what nothing else here needs.
const LinkScreen = lazy(async () => {
  const { LinkScreen: component } = await import('./link-screen.tsx');
  return { default: component };
});
const RestoreForm = lazy(async () => {
  const { RestoreForm: component } = await import('../settings/restore-form.tsx');
  return { default: component };
});

type ScreenName = 'welcome' | 'register' | 'existing' | 'login' | 'link' | 'restore' | 'recover';

/** What is over once it was answered, and to which no way leads back. */
type Ending =
  | { name: 'restored'; username: string }
  | { name: 'registered'; registered: Registered };

export interface EntranceProps {
  openClient: OpenClient;
  /** The store holds an account now. */
  onEnter: (me: Me) => void;
}

/** The entrance. An invitation in the address leads straight to the form that it is for. */
export function Entrance({ openClient, onEnter }: EntranceProps) {
  const [invitation] = useState(() => invitationIn(location.hash));
  const [screen, setScreen] = useState<ScreenName>(
    invitation === undefined ? 'welcome' : 'register',
  );
  const [ending, setEnding] = useState<Ending>();
  useClientSoon(openClient, screen !== 'welcome');
  useCleanAddress();
  const shared = { openClient, onEnter, onGo: setScreen, onEnd: setEnding };
  return (
    <Frame key={ending?.name ?? screen}>
      <Suspense fallback={<Spinner label="Loading" />}>
        {ending === undefined ? (
          <Way {...shared} screen={screen} invitation={invitation} />
        ) : (
          <End {...shared} ending={ending} />
        )}
      </Suspense>
    </Frame>
  );
}

/** Fetched while somebody reads and types; that it failed is told once they go on. */
function useClientSoon(openClient: OpenClient, isWanted: boolean): void {
  useEffect(() => {
    if (isWanted) openClient().catch(() => undefined);
  }, [openClient, isWanted]);
}

/** An invitation is of use once: a reload, or a look at the history, is not to find it. */
function useCleanAddress(): void {
  useEffect(() => {
    if (location.hash !== '') history.replaceState(null, '', location.pathname);
  }, []);
}

interface WayProps extends EntranceProps {
  onGo: (screen: ScreenName) => void;
  onEnd: (ending: Ending) => void;
}

interface AnyWayProps extends WayProps {
  screen: ScreenName;
  invitation: string | undefined;
}

function Way({ screen, invitation, openClient, onEnter, onGo, onEnd }: AnyWayProps) {
  const go = (name: ScreenName) => () => onGo(name);
  const showCode = (registered: Registered) => onEnd({ name: 'registered', registered });
  switch (screen) {
    case 'welcome':
      return <Welcome onRegister={go('register')} onExisting={go('existing')} />;
    case 'register':
      return (
        <RegisterForm
          {...{ openClient, invitation, onRegistered: showCode, onBack: go('welcome') }}
        />
      );
    case 'existing':
      return (
        <ExistingAccount
          onLink={go('link')}
          onRestore={go('restore')}
          onLogin={go('login')}
          onBack={go('welcome')}
        />
      );
    case 'link':
      return <LinkScreen openClient={openClient} onLinked={onEnter} onBack={go('existing')} />;
    case 'restore':
      return (
        <RestoreForm
          openClient={openClient}
          onRestored={(username) => onEnd({ name: 'restored', username })}
          onBack={go('existing')}
        />
      );
    case 'login':
      return (
        <LoginForm
          openClient={openClient}
          title="Log in with your password"
          about="This browser takes the place of your other devices, and the people you write to are told of a new safety number. Linking it spares you both."
          onLoggedIn={onEnter}
          onForgotten={go('recover')}
          onBack={go('existing')}
        />
      );
    case 'recover':
      return <RecoverForm openClient={openClient} onRecovered={showCode} onBack={go('login')} />;
  }
}

function End({ ending, openClient, onEnter, onEnd }: WayProps & { ending: Ending }) {
  const [isForgotten, setForgotten] = useState(false);
  if (ending.name === 'registered') {
    const { recoveryCode, ...me } = ending.registered;
    return <RecoveryCode username={me.username} code={recoveryCode} onKept={() => onEnter(me)} />;
  }
  const { username } = ending;
  if (isForgotten) {
    return (
      <RecoverForm
        {...{ openClient, username }}
        onRecovered={(registered) => onEnd({ name: 'registered', registered })}
        onBack={() => setForgotten(false)}
      />
    );
  }
  return (
    <LoginForm
      openClient={openClient}
      title="Your backup is here"
      about="Log in to go on where it ends."
      username={username}
      onLoggedIn={onEnter}
      onForgotten={() => setForgotten(true)}
    />
  );
}
