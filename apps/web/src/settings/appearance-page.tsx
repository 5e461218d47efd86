/** Light, dark, or as the machine is set. */
import { type LucideIcon, Monitor, Moon, Sun } from 'lucide-react';
import { useState } from 'react';
import styles from './appearance-page.module.css';
import { chooseTheme, readTheme, type Theme } from './theme.ts';

interface Choice {
  readonly theme: Theme;
  readonly label: string;
  readonly icon: LucideIcon;
}

const CHOICES: readonly Choice[] = [
  { theme: 'system', label: 'As this device', icon: Monitor },
  { theme: 'light', label: 'Light', icon: Sun },
  { theme: 'dark', label: 'Dark', icon: Moon },
];

/** The page. What is chosen shows at once, in this browser. */
export function AppearancePage() {
  const [chosen, setChosen] = useState(readTheme);
  const choose = (theme: Theme) => {
    chooseTheme(theme);
    setChosen(theme);
  };
  return (
    <fieldset className={styles.choices}>
      <legend className={styles.legend}>Colours</legend>
      {CHOICES.map(({ theme, label, icon: Icon }) => (
        <label key={theme} className={styles.choice}>
          <input
            type="radio"
            name="theme"
            value={theme}
            checked={theme === chosen}
            onChange={() => choose(theme)}
          />
          <Icon size={24} strokeWidth={1.5} aria-hidden />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}
