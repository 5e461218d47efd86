/** Renaming a device, taking it off, and giving it up for lost: each says what follows from it. */
import type { OwnDevice } from '@sotto/client';
import { useClient } from '@sotto/hooks';
import { useState } from 'react';
import { FormDialog, TextField, useToast } from '../design/index.ts';
import { PasswordField } from '../entrance/password-field.tsx';
import { useMe } from '../shell/me.ts';
import { useTask } from '../shell/use-task.ts';
import { nameOfDevice } from './device-name.ts';
import styles from './words.module.css';

interface DeviceDialogProps {
  device: OwnDevice;
  /** With whether something was changed. */
  onClose: (isChanged: boolean) => void;
}

/** UTF-8, as the sealed name holds it (`renameDevice`). */
const NAME_BYTES_MAX = 127;

/** Gives a device a name that only the account's own devices can read. */
export function RenameDeviceDialog({ device, onClose }: DeviceDialogProps) {
  const client = useClient();
  const task = useTask();
  const [name, setName] = useState(device.name ?? '');
  const given = name.trim();
  const isTooLong = new TextEncoder().encode(given).length > NAME_BYTES_MAX;
  const save = async () => {
    if (await task.run(() => client.renameDevice(device.device, given))) onClose(true);
  };
  return (
    <FormDialog
      title="Rename device"
      submit="Save"
      isBusy={task.isBusy}
      isReady={given !== '' && !isTooLong}
      onSubmit={() => void save()}
      onClose={() => onClose(false)}
    >
      <TextField
        label="Name"
        hint="Only your own devices can read it."
        error={isTooLong ? 'This name is too long.' : task.error}
        dir="auto"
        autoFocus
        value={name}
        onChange={({ target }) => setName(target.value)}
      />
    </FormDialog>
  );
}

/** Takes a device off the account. */
export function UnlinkDeviceDialog({ device, onClose }: DeviceDialogProps) {
  const client = useClient();
  const toast = useToast();
  const task = useTask();
  const unlink = async () => {
    if (!(await task.run(() => client.unlink(device.device)))) return;
    toast('The device is unlinked');
    onClose(true);
  };
  return (
    <FormDialog
      title="Unlink this device?"
      submit="Unlink"
      tone="danger"
      isBusy={task.isBusy}
      error={task.error}
      onSubmit={() => void unlink()}
      onClose={() => onClose(false)}
    >
      <p>
        <DeviceName device={device} /> is logged out and gets no further messages. What it has
        received until now stays on it.
      </p>
      <p className={styles.quiet}>
        If somebody else may have it, choose “Lost or stolen” instead: that also makes the keys on
        it worthless.
      </p>
    </FormDialog>
  );
}

/** Gives a device up for lost: the account gets another identity. Takes the password, which whoever has the device lacks. */
export function LostDeviceDialog({ device, onClose }: DeviceDialogProps) {
  const client = useClient();
  const { username } = useMe();
  const toast = useToast();
  const task = useTask();
  const [password, setPassword] = useState('');
  const report = async () => {
    const isDone = await task.run(async () => {
      await client.login({ username, password });
      await client.reportLost(device.device);
    });
    if (!isDone) return;
    toast('The device is out, and your account has a new identity');
    onClose(true);
  };
  return (
    <FormDialog
      title="Lost or stolen"
      submit="Make a new identity"
      tone="danger"
      isBusy={task.isBusy}
      isReady={password !== ''}
      onSubmit={() => void report()}
      onClose={() => onClose(false)}
    >
      <p>
        <DeviceName device={device} /> is taken off, and your account gets a new identity, so that
        nothing on the device can speak for you. This has a price:
      </p>
      <ul className={styles.list}>
        <li>The people you talk with are warned that your safety number has changed.</li>
        <li>Your other devices are logged out of it and have to be linked again.</li>
        <li>Messages that are on the lost device stay readable there.</li>
      </ul>
      <PasswordField
        label="Your password"
        kind="current"
        value={password}
        onChange={setPassword}
        error={task.error}
      />
    </FormDialog>
  );
}

function DeviceName({ device }: { device: OwnDevice }) {
  return (
    <strong>
      <bdi>{nameOfDevice(device)}</bdi>
    </strong>
  );
}
