/** The way back in, when the session of this browser has ended: everything is still here. */
import type { Client, Me, Registered } from '@sotto/client';
import { useState } from 'react';
import { Button, FormDialog } from '../design/index.ts';
import { useSession } from '../shell/session.ts';
import { Frame } from './frame.tsx';
import { LoginForm } from './login-form.tsx';
import { RecoverForm } from './recover-form.tsx';
import { RecoveryCode } from './recovery-code.tsx';
import styles from './session-ended.module.css';

export interface SessionEndedProps {
  client: Client;
  me: Me;
  onEnter: (me: Me) => void;
}

/** The other way on: somebody else's turn in this browser. */
function RemoveAccount({ username }: { username: string }) {
  const { forget } = useSession();
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <p className={styles.other}>
        <Button tone="quiet" onClick={() => setAsking(true)}>
          Use another account
        </Button>
      </p>
      {isAsking && (
        <FormDialog
          title={`Remove ${username} from this browser?`}
          submit="Remove"
          tone="danger"
          onSubmit={() => void forget()}
          onClose={() => setAsking(false)}
        >
          <p>
            A browser holds one account. Its keys and messages are removed from here for ever; other
            devices and backups keep theirs.
          </p>
        </FormDialog>
      )}
    </>
  );
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
  const shared = { openClient: async () => client, username: me.username };
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
      <RemoveAccount username={me.username} />
    </Frame>
  );
}
