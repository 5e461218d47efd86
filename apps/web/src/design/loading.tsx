/** What is being fetched: a sign of it, what came, or what went wrong with another try. */
import type { ReactNode } from 'react';
import { Banner } from './banner.tsx';
import { Button } from './button.tsx';
import styles from './loading.module.css';
import { Spinner } from './spinner.tsx';

/** What is asked for once and again on demand. */
export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: string | undefined;
  readonly reload: () => void;
}

export interface LoadingProps<T> {
  loaded: Loaded<T>;
  /** What is being fetched, for those who hear the page. */
  label: string;
  children: (value: T) => ReactNode;
}

/** What was loaded; what failed stands above what had come before. */
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
