/** Backups: the words that open them, and the file itself. */
import { useClient } from '@sotto/hooks';
import { useState } from 'react';
import { Actions, Button, Section, TextField, useToast } from '../design/index.ts';
import { useMe } from '../shell/me.ts';
import { useTask } from '../shell/use-task.ts';
import { MakeWordsDialog } from './backup-words.tsx';
import { dayInName, saveFile } from './save-file.ts';
import styles from './words.module.css';

/** The page. */
export function BackupPage() {
  return (
    <>
      <WordsSection />
      <ExportSection />
      <Section
        title="Coming back from a backup"
        hint="In a browser without an account choose “I have an account” and “A backup”. It asks for the file, the words and your password."
      />
    </>
  );
}

function WordsSection() {
  const [isOpen, setOpen] = useState(false);
  return (
    <Section
      title="1. Your 24 words"
      hint="They open every backup that you make with them, and nothing else does. Write them on paper: Sotto keeps them nowhere."
    >
      <Actions>
        <Button onClick={() => setOpen(true)}>Make 24 words</Button>
      </Actions>
      {isOpen && <MakeWordsDialog onClose={() => setOpen(false)} />}
    </Section>
  );
}

function ExportSection() {
  const client = useClient();
  const { username } = useMe();
  const toast = useToast();
  const task = useTask();
  const [words, setWords] = useState('');
  const save = async () => {
    const isSaved = await task.run(async () => {
      const file = await new Response(await client.exportBackup(words)).blob();
      saveFile(file, `sotto-${username}-${dayInName()}.backup`);
    });
    if (!isSaved) return;
    setWords('');
    toast('The backup is in your downloads');
  };
  return (
    <Section
      title="2. The backup"
      hint="Your messages, contacts and identity in one file, which you can keep anywhere. Keys of this device and messages that go away by themselves are not in it."
    >
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <TextField
          label="Your 24 words"
          multiline
          dir="ltr"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={words}
          error={task.error}
          onChange={({ target }) => setWords(target.value)}
        />
        <Actions>
          <Button type="submit" busy={task.isBusy} disabled={words.trim() === ''}>
            Save backup
          </Button>
        </Actions>
      </form>
    </Section>
  );
}
