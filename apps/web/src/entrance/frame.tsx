/** What stands around every screen of the entrance: what this is, and what it promises. */
import { EyeOff, KeyRound, Server } from 'lucide-react';
import type { ReactNode } from 'react';
import styles from './frame.module.css';

const PROMISES = [
  { icon: EyeOff, text: 'Only the people in a chat can read it.' },
  { icon: KeyRound, text: 'Your keys never leave your devices.' },
  { icon: Server, text: 'It runs here, on a server you can name.' },
] as const;

/** Two who talk, as somebody in between sees them: there are words, and nothing to read. */
function Whisper() {
  return (
    <svg className={styles.whisper} viewBox="0 0 400 360" aria-hidden>
      <path d="M20 40q0-40 40-40h180q40 0 40 40v50q0 40-40 40H90l-44 36v-37q-26-6-26-39z" />
      <path d="M380 220q0-40-40-40H180q-40 0-40 40v50q0 40 40 40h130l44 36v-37q26-6 26-39z" />
      <g className={styles.hidden}>
        <path d="M70 48h130M70 84h80" />
        <path d="M190 228h140M190 264h96" />
      </g>
    </svg>
  );
}

/** The frame; the promises have no room on a phone. */
export function Frame({ children }: { children: ReactNode }) {
  return (
    <div className={styles.frame}>
      <aside className={styles.aside}>
        <Whisper />
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
