/** The recovery code, shown this once. */
import { Copy, Printer } from 'lucide-react';
import { useState } from 'react';
import { Button, useCopy } from '../design/index.ts';
import { FormHeader } from './form.tsx';
import styles from './recovery-code.module.css';

export interface RecoveryCodeProps {
  username: string;
  code: string;
  onKept: () => void;
}

/** The code, ways to keep it, and the word of its owner that it is kept. */
export function RecoveryCode({ username, code, onKept }: RecoveryCodeProps) {
  const [isKept, setKept] = useState(false);
  const copy = useCopy();
  return (
    <div className={styles.screen}>
      <FormHeader
        title="Keep this recovery code"
        about="It is the only way back when you forget your password. It is shown this once; nobody can give it to you again."
      />
      <figure className={styles.card}>
        <figcaption className={styles.caption}>Sotto, {username}</figcaption>
        <output className={styles.code}>{code}</output>
        <p className={styles.host}>{location.host}</p>
      </figure>
      <div className={styles.ways}>
        <Button onClick={() => copy(code, 'Copied. Put it where only you find it.')}>
          <Copy size={18} strokeWidth={1.75} aria-hidden />
          Copy
        </Button>
        <Button onClick={() => print()}>
          <Printer size={18} strokeWidth={1.75} aria-hidden />
          Print
        </Button>
      </div>
      <label className={styles.promise}>
        <input
          type="checkbox"
          checked={isKept}
          onChange={(event) => setKept(event.target.checked)}
        />
        <span>I have kept it somewhere safe</span>
      </label>
      <Button tone="primary" disabled={!isKept} onClick={onKept}>
        Continue
      </Button>
    </div>
  );
}
