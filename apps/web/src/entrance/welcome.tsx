/** The first screen of somebody who was never here. */
import { Button } from '../design/index.ts';
import styles from './welcome.module.css';

export interface WelcomeProps {
  onRegister: () => void;
  onExisting: () => void;
}

/** Two ways in. */
export function Welcome({ onRegister, onExisting }: WelcomeProps) {
  return (
    <div className={styles.welcome}>
      <img className={styles.mark} src="/icon.svg" alt="" width="72" height="72" />
      <h1 className={styles.title}>Welcome to Sotto</h1>
      <p className={styles.about}>
        Messages and files between people, and nobody in between. Not even this server.
      </p>
      <div className={styles.ways}>
        <Button tone="primary" onClick={onRegister}>
          Create an account
        </Button>
        <Button onClick={onExisting}>I have an account</Button>
      </div>
    </div>
  );
}
