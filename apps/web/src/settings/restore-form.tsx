/** Brings a backup into a browser that holds no account: the file, and the words that open it. */
import { FileArchive } from 'lucide-react';
import { useRef, useState } from 'react';
import { Button, TextField } from '../design/index.ts';
import { Form } from '../entrance/form.tsx';
import type { OpenClient } from '../shell/session.ts';
import { useTask } from '../shell/use-task.ts';
import styles from './restore-form.module.css';

export interface RestoreFormProps {
  openClient: OpenClient;
  /** Its owner is to log in now. */
  onRestored: (username: string) => void;
  onBack: () => void;
}

/** The form. Nothing is changed by words or a file that are not right. */
export function RestoreForm({ openClient, onRestored, onBack }: RestoreFormProps) {
  const [file, setFile] = useState<File>();
  const [words, setWords] = useState('');
  const [isChecked, setChecked] = useState(false);
  const task = useTask();
  const restore = async () => {
    setChecked(true);
    if (file === undefined || words.trim() === '') return;
    await task.run(async () => {
      const client = await openClient();
      const { username } = await client.restoreBackup(words, file);
      onRestored(username);
    });
  };
  return (
    <Form
      title="Restore a backup"
      about="It brings your messages, contacts and safety number. What was said since it was made is not in it."
      submit="Restore"
      isBusy={task.isBusy}
      error={task.error ?? (isChecked && file === undefined ? 'Choose the file first.' : undefined)}
      onBack={onBack}
      onSubmit={() => void restore()}
    >
      <BackupFile file={file} onChoose={setFile} />
      <TextField
        label="Your 24 words"
        multiline
        dir="ltr"
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        value={words}
        hint="With a space between them."
        error={isChecked && words.trim() === '' ? 'The words that you wrote down.' : undefined}
        onChange={({ target }) => setWords(target.value)}
      />
    </Form>
  );
}

interface BackupFileProps {
  file: File | undefined;
  onChoose: (file: File) => void;
}

function BackupFile({ file, onChoose }: BackupFileProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <div className={styles.file}>
      <FileArchive size={22} strokeWidth={1.75} aria-hidden />
      <span className={styles.name} dir="auto">
        {file?.name ?? 'No file chosen'}
      </span>
      <Button onClick={() => input.current?.click()}>Choose file</Button>
      <input
        ref={input}
        type="file"
        aria-label="Backup file"
        hidden
        onChange={({ target }) => {
          const chosen = target.files?.[0];
          if (chosen !== undefined) onChoose(chosen);
        }}
      />
    </div>
  );
}
