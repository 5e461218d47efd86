/** Coming back after a forgotten password. */
import type { Registered } from '@sotto/client';
import { useState } from 'react';
import { TextField } from '../design/index.ts';
import type { OpenClient } from '../shell/session.ts';
import { useTask } from '../shell/use-task.ts';
import { passwordNeeds } from './credential-rules.ts';
import { Form } from './form.tsx';
import { PasswordField } from './password-field.tsx';
import { UsernameField } from './username-field.tsx';

export interface RecoverFormProps {
  openClient: OpenClient;
  username?: string | undefined;
  onRecovered: (registered: Registered) => void;
  onBack: () => void;
}

/** The recovery code and a new password. */
export function RecoverForm({
  openClient,
  username: known,
  onRecovered,
  onBack,
}: RecoverFormProps) {
  const [username, setUsername] = useState(known ?? '');
  const [recoveryCode, setCode] = useState('');
  const [newPassword, setPassword] = useState('');
  const [isChecked, setChecked] = useState(false);
  const task = useTask();
  const needs = passwordNeeds(newPassword);
  return (
    <Form
      title="Set a new password"
      about="With the recovery code that you kept when you made the account. All other sessions end."
      submit="Set password"
      isBusy={task.isBusy}
      error={task.error}
      onBack={onBack}
      onSubmit={() => {
        setChecked(true);
        if (needs !== undefined) return;
        const recovery = { username, recoveryCode: recoveryCode.trim(), newPassword };
        void task.run(async () => {
          const client = await openClient();
          onRecovered(await client.recover(recovery));
        });
      }}
    >
      <UsernameField
        value={username}
        onChange={setUsername}
        readOnly={known !== undefined}
        autoFocus={known === undefined}
      />
      <TextField
        label="Recovery code"
        name="recovery-code"
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        required
        value={recoveryCode}
        onChange={(event) => setCode(event.target.value)}
      />
      <PasswordField
        label="New password"
        kind="new"
        value={newPassword}
        onChange={setPassword}
        hint={needs ?? 'Long enough. Keep it somewhere safe.'}
        error={isChecked ? needs : undefined}
      />
    </Form>
  );
}
