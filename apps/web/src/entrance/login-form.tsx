/** Logging in with a password. */
import type { Client, Me } from '@sotto/client';
import { useState } from 'react';
import { Button } from '../design/index.ts';
import { explain } from '../shell/explain.ts';
import { Form } from './form.tsx';
import { PasswordField } from './password-field.tsx';
import { useAttempt } from './use-attempt.ts';
import { UsernameField } from './username-field.tsx';

export interface LoginFormProps {
  client: Client;
  title: string;
  about: string;
  /** Whose account this browser holds, when it does. */
  username?: string | undefined;
  onLoggedIn: (me: Me) => void;
  onForgotten: () => void;
  onBack?: (() => void) | undefined;
}

/** A username and a password. */
export function LoginForm({ client, title, about, onLoggedIn, ...others }: LoginFormProps) {
  const { username: known, onForgotten, onBack } = others;
  const [username, setUsername] = useState(known ?? '');
  const [password, setPassword] = useState('');
  const { isBusy, error, run } = useAttempt();
  return (
    <Form
      title={title}
      about={about}
      submit="Log in"
      isBusy={isBusy}
      error={error === undefined ? undefined : explain(error)}
      onBack={onBack}
      onSubmit={() => run(async () => onLoggedIn(await client.login({ username, password })))}
      footer={
        <Button tone="quiet" onClick={onForgotten}>
          Forgot your password?
        </Button>
      }
    >
      <UsernameField
        value={username}
        onChange={setUsername}
        readOnly={known !== undefined}
        autoFocus={known === undefined}
      />
      <PasswordField
        label="Password"
        kind="current"
        value={password}
        onChange={setPassword}
        autoFocus={known !== undefined}
      />
    </Form>
  );
}
