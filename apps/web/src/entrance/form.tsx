/** The frame of the entrance's forms: what it is about, its fields, what went wrong, and the button that goes on. */
import { ArrowLeft } from 'lucide-react';
import type { ReactNode } from 'react';
import { Banner, Button, IconButton } from '../design/index.ts';
import styles from './form.module.css';

export interface FormProps {
  title: string;
  children: ReactNode;
  /** Words under the title. */
  about?: ReactNode;
  /** What is wrong with it as a whole. */
  error?: string | undefined;
  submit: string;
  isBusy: boolean;
  onSubmit: () => void;
  onBack?: (() => void) | undefined;
  /** Links to where else somebody may have wanted to go. */
  footer?: ReactNode;
}

/** A form. It goes nowhere by itself: `onSubmit` does what there is to do. */
export function Form({ title, about, children, error, submit, isBusy, ...others }: FormProps) {
  const { onSubmit, onBack, footer } = others;
  return (
    <form
      className={styles.form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <FormHeader title={title} about={about} onBack={onBack} />
      {children}
      {error !== undefined && (
        <div className={styles.error}>
          <Banner tone="danger">{error}</Banner>
        </div>
      )}
      <Button type="submit" tone="primary" className={styles.submit} busy={isBusy}>
        {submit}
      </Button>
      {footer !== undefined && <div className={styles.footer}>{footer}</div>}
    </form>
  );
}

/** The beginning of a screen of the entrance. */
export function FormHeader({
  title,
  about,
  onBack,
}: Pick<FormProps, 'title' | 'about'> & { onBack?: (() => void) | undefined }) {
  return (
    <header className={styles.header}>
      {onBack !== undefined && (
        <IconButton label="Back" icon={ArrowLeft} className={styles.back} onClick={onBack} />
      )}
      <h1 className={styles.title}>{title}</h1>
      {about !== undefined && <p className={styles.about}>{about}</p>}
    </header>
  );
}
