/** Logging in with a password. */
import type { Me } from '@sotto/client';
import { useState } from 'react';
import { Button } from '../design/index.ts';
import type { OpenClient } from '../shell/session.ts';
import { useTask } from '../shell/use-task.ts';
import { Form } from './form.tsx';
import { PasswordField } from './password-field.tsx';
import { UsernameField } from './username-field.tsx';

export interface LoginFormProps {
  openClient: OpenClient;
  title: string;
  about: string;
  /** Whose account this browser holds, when it does. */
  username?: string | undefined;
  onLoggedIn: (me: Me) => void;
  onForgotten: () => void;
  onBack?: (() => void) | undefined;
}

/** A username and a password. */
export function LoginForm({ openClient, title, about, onLoggedIn, ...others }: LoginFormProps) {
  const { username: known, onForgotten, onBack } = others;
  const [username, setUsername] = useState(known ?? '');
  const [password, setPassword] = useState('');
  const task = useTask();
  const login = async () => {
    const client = await openClient();
    onLoggedIn(await client.login({ username, password }));
  };
  return (
    <Form
      title={title}
      about={about}
      submit="Log in"
      isBusy={task.isBusy}
      error={task.error}
      onBack={onBack}
      onSubmit={() => void task.run(login)}
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
