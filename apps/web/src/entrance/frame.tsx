/** What stands around every screen of the entrance: what this is, and what it promises. */
import { EyeOff, KeyRound, Server } from 'lucide-react';
import type { ReactNode } from 'react';
import styles from './frame.module.css';

const PROMISES = [
  { icon: EyeOff, text: 'Only the people in a chat can read it.' },
  { icon: KeyRound, text: 'Your keys never leave your devices.' },
  { icon: Server, text: 'It runs here, on a server you can name.' },
] as const;

/** The frame; the promises have no room on a phone. */
export function Frame({ children }: { children: ReactNode }) {
  return (
    <div className={styles.frame}>
      <aside className={styles.aside}>
        <p className={styles.name}>
          <img src="/icon.svg" alt="" width="40" height="40" />
          Sotto
        </p>
        <div>
          <p className={styles.motto}>Say it in a low voice.</p>
          <ul className={styles.promises}>
            {PROMISES.map(({ icon: Icon, text }) => (
              <li key={text}>
                <Icon size={20} strokeWidth={1.75} aria-hidden />
                {text}
              </li>
            ))}
          </ul>
        </div>
        <p className={styles.host}>{location.host}</p>
      </aside>
      <main className={styles.main}>
        <div className={styles.screen}>{children}</div>
      </main>
    </div>
  );
}
