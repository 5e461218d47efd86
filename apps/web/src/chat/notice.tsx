/** What has happened in a conversation, between what was said. */
import type { MessageView } from '@sotto/client';
import { lineWords, type Reader } from '@sotto/hooks';
import { memo } from 'react';
import styles from './notice.module.css';

/** A line that nobody said. */
export const Notice = memo(function Notice({
  line,
  reader,
}: {
  line: MessageView;
  reader: Reader;
}) {
  return (
    <p className={styles.notice} dir="auto">
      {lineWords(line, reader)}
    </p>
  );
});
