/** How long what is written from now on stays. */
import { lifetimeLabel, useClient } from '@sotto/hooks';
import { useState } from 'react';
import { FormDialog } from '../design/index.ts';
import { useTask } from '../shell/use-task.ts';
import { useChat } from './chat-context.ts';
import styles from './timer-dialog.module.css';

const DAY = 24 * 3600;
const CHOICES = [null, 30, 300, 3600, 8 * 3600, DAY, 7 * DAY, 28 * DAY] as const;

/** The conversation's timer: everybody in it sees that it was changed. */
export function TimerDialog({ onClose }: { onClose: () => void }) {
  const client = useClient();
  const { id, timer } = useChat().view;
  const [chosen, setChosen] = useState(timer);
  const task = useTask();
  const choices = CHOICES.some((seconds) => seconds === timer) ? CHOICES : [...CHOICES, timer];
  const save = async () => {
    const isSaved = await task.run(async () => {
      if (chosen !== timer) await client.setTimer(id, chosen);
    });
    if (isSaved) onClose();
  };
  return (
    <FormDialog
      title="Disappearing messages"
      submit="Save"
      isBusy={task.isBusy}
      error={task.error}
      onSubmit={() => void save()}
      onClose={onClose}
    >
      <p className={styles.words}>
        Messages written from now on disappear this long after they are read. Whoever has read them
        can have kept them.
      </p>
      <fieldset className={styles.choices}>
        <legend className={styles.legend}>Messages disappear</legend>
        {choices.map((seconds) => (
          <label key={`${seconds}`} className={styles.choice}>
            <input
              type="radio"
              name="timer"
              checked={chosen === seconds}
              onChange={() => setChosen(seconds)}
            />
            {seconds === null ? 'Off' : `After ${lifetimeLabel(seconds)}`}
          </label>
        ))}
      </fieldset>
    </FormDialog>
  );
}
