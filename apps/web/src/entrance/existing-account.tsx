/** Which way back somebody has, the best one first. */
import { Archive, KeyRound, type LucideIcon, MonitorSmartphone } from 'lucide-react';
import styles from './existing-account.module.css';
import { FormHeader } from './form.tsx';

export interface ExistingAccountProps {
  onLink: () => void;
  onRestore: () => void;
  onLogin: () => void;
  onBack: () => void;
}

/** Three ways, with what each of them keeps. */
export function ExistingAccount({ onLink, onRestore, onLogin, onBack }: ExistingAccountProps) {
  return (
    <div>
      <FormHeader title="Welcome back" about="What do you have at hand?" onBack={onBack} />
      <ul className={styles.ways}>
        <Way icon={MonitorSmartphone} title="Another device of mine" onChoose={onLink}>
          Link this browser to it. It keeps your chats and your safety number.
        </Way>
        <Way icon={Archive} title="A backup" onChoose={onRestore}>
          Restore the file with your 24 words.
        </Way>
        <Way icon={KeyRound} title="Only my password" onChoose={onLogin}>
          Begins without your old messages, with a new safety number.
        </Way>
      </ul>
    </div>
  );
}

interface WayProps {
  icon: LucideIcon;
  title: string;
  children: string;
  onChoose: () => void;
}

function Way({ icon: Icon, title, children, onChoose }: WayProps) {
  return (
    <li>
      <button type="button" className={styles.way} onClick={onChoose}>
        <Icon size={22} strokeWidth={1.75} aria-hidden />
        <span>
          <strong>{title}</strong>
          <span className={styles.about}>{children}</span>
        </span>
      </button>
    </li>
  );
}
