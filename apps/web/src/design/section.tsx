/** What pages of settings and their like are made of: parts with a title, rows, buttons, and what went wrong. */
import type { ReactNode } from 'react';
import styles from './section.module.css';

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

/** What went wrong with a form or a button; nothing otherwise. */
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
