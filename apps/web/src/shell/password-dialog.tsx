/** The password once more, for what a session that is older than a few minutes may not do. */
import { useClient } from '@sotto/hooks';
import { useState } from 'react';
import { FormDialog } from '../design/index.ts';
import { PasswordField } from '../entrance/password-field.tsx';
import { useMe } from './me.ts';
import { useTask } from './use-task.ts';

export interface PasswordDialogProps {
  /** The session is fresh: now it may be done. */
  onDone: () => void;
  onClose: () => void;
}

/** Logs in again, and says so. */
export function PasswordDialog({ onDone, onClose }: PasswordDialogProps) {
  const client = useClient();
  const { username } = useMe();
  const task = useTask();
  const [password, setPassword] = useState('');
  const login = async () => {
    await client.login({ username, password });
    onClose();
    onDone();
  };
  return (
    <FormDialog
      title="Your password, please"
      submit="Go on"
      isBusy={task.isBusy}
      isReady={password !== ''}
      onSubmit={() => void task.run(login)}
      onClose={onClose}
    >
      <PasswordField
        label="Password"
        kind="current"
        value={password}
        onChange={setPassword}
        error={task.error}
        autoFocus
      />
    </FormDialog>
  );
}
