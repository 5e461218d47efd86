/** The way back in, when the session of this browser has ended: everything is still here. */
import type { Client, Me, Registered } from '@sotto/client';
import { useState } from 'react';
import { Frame } from './frame.tsx';
import { LoginForm } from './login-form.tsx';
import { RecoverForm } from './recover-form.tsx';
import { RecoveryCode } from './recovery-code.tsx';

export interface SessionEndedProps {
  client: Client;
  me: Me;
  onEnter: (me: Me) => void;
}

/** Asks for the password, or for the recovery code. */
export function SessionEnded({ client, me, onEnter }: SessionEndedProps) {
  const [isForgotten, setForgotten] = useState(false);
  const [registered, setRegistered] = useState<Registered>();
  if (registered !== undefined) {
    const { recoveryCode, ...recovered } = registered;
    return (
      <Frame>
        <RecoveryCode
          username={me.username}
          code={recoveryCode}
          onKept={() => onEnter(recovered)}
        />
      </Frame>
    );
  }
  const shared = { client, username: me.username };
  return (
    <Frame>
      {isForgotten ? (
        <RecoverForm {...shared} onRecovered={setRegistered} onBack={() => setForgotten(false)} />
      ) : (
        <LoginForm
          {...shared}
          title={`Welcome back, ${me.username}`}
          about="Your session has ended. Log in to go on; your messages are still in this browser."
          onLoggedIn={onEnter}
          onForgotten={() => setForgotten(true)}
        />
      )}
    </Frame>
  );
}
