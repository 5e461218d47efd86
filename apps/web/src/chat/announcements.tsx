/** New messages for those who hear the page. */
import type { MessageView } from '@sotto/client';
import { lineKey, lineWords, type Reader } from '@sotto/hooks';
import { useEffect, useRef, useState } from 'react';
import styles from './announcements.module.css';

/** Says what came last, once it is there; nothing of what was there before. */
export function Announcements({
  lines,
  reader,
}: {
  lines: readonly MessageView[] | undefined;
  reader: Reader;
}) {
  const [words, setWords] = useState('');
  const said = useRef<string>(undefined);
  // What waits or was refused stands below what comes.
  const newest = lines?.findLast(({ seq }) => seq !== undefined);
  const key = newest && lineKey(newest);
  useEffect(() => {
    const isFirst = said.current === undefined;
    const isSame = said.current === key;
    said.current = key ?? 'nothing';
    if (isFirst || isSame || newest === undefined || newest.isOwn) return;
    const name = newest.sender === undefined ? '' : `${reader.nameOf(newest.sender)}: `;
    setWords(`${name}${lineWords(newest, reader)}`);
  }, [key, newest, reader]);
  return (
    <p className={styles.words} role="status" aria-live="polite">
      {words}
    </p>
  );
}
