/** What pages of the settings are made of: parts with a title, rows, and what went wrong. */
import type { ReactNode } from 'react';
import { Banner, Button, Spinner } from '../design/index.ts';
import styles from './section.module.css';
import type { Loaded } from './use-task.ts';

export interface SectionProps {
  title: string;
  /** What the part is for. */
  hint?: ReactNode;
  children?: ReactNode;
}

/** A part of a page. */
export function Section({ title, hint, children }: SectionProps) {
  return (
    <section className={styles.section}>
      <h3 className={styles.title}>{title}</h3>
      {hint !== undefined && <p className={styles.hint}>{hint}</p>}
      {children}
    </section>
  );
}

export interface RowProps {
  icon?: ReactNode;
  title: ReactNode;
  /** Below the title. */
  detail?: ReactNode;
  /** At the end of the line. */
  action?: ReactNode;
}

/** A row of a list. */
export function Row({ icon, title, detail, action }: RowProps) {
  return (
    <li className={styles.row}>
      {icon !== undefined && <span className={styles.icon}>{icon}</span>}
      <span className={styles.words}>
        <span className={styles.name}>{title}</span>
        {detail !== undefined && <span className={styles.detail}>{detail}</span>}
      </span>
      {action !== undefined && <span className={styles.action}>{action}</span>}
    </li>
  );
}

/** Rows, one below the other. */
export function Rows({ children, label }: { children: ReactNode; label: string }) {
  return (
    <ul className={styles.rows} aria-label={label}>
      {children}
    </ul>
  );
}

/** A form's answer when something failed; nothing otherwise. */
export function Failure({ error }: { error: string | undefined }) {
  if (error === undefined) return null;
  return (
    <p className={styles.failure} role="alert">
      {error}
    </p>
  );
}

/** Buttons at the end of a form. */
export function Actions({ children }: { children: ReactNode }) {
  return <div className={styles.actions}>{children}</div>;
}

interface LoadingProps<T> {
  loaded: Loaded<T>;
  /** What is being fetched, for those who hear the page. */
  label: string;
  children: (value: T) => ReactNode;
}

/** What was loaded; until then a sign of it, and what went wrong with another try. */
export function Loading<T>({ loaded, label, children }: LoadingProps<T>) {
  const { value, error, reload } = loaded;
  return (
    <>
      {error !== undefined && (
        <Banner tone="warning" action={<Button onClick={reload}>Try again</Button>}>
          {error}
        </Banner>
      )}
      {value !== undefined && children(value)}
      {value === undefined && error === undefined && (
        <p className={styles.loading}>
          <Spinner label={label} />
        </p>
      )}
    </>
  );
}
