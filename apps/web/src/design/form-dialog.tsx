/** A dialog that is answered: what it says and asks, what went wrong, and the two ways on. */
import { type ReactNode, useId } from 'react';
import { Button, type ButtonProps } from './button.tsx';
import { Dialog } from './dialog.tsx';
import styles from './form-dialog.module.css';
import { Failure } from './section.tsx';

export interface FormDialogProps {
  title: string;
  /** On the button that goes on. */
  submit: string;
  /** On the button that leaves everything as it is. */
  cancel?: string;
  /** `danger` for what cannot be taken back. */
  tone?: ButtonProps['tone'];
  /** It is being done. */
  isBusy?: boolean;
  /** Everything that it takes is there. */
  isReady?: boolean;
  /** Why it was not done; left out where that stands at a field. */
  error?: string | undefined;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** A dialog that does one thing or nothing. Enter in a field goes on, as the button does. */
export function FormDialog({ title, submit, cancel = 'Cancel', ...props }: FormDialogProps) {
  const { tone = 'primary', isBusy = false, isReady = true, ...rest } = props;
  const { error, onSubmit, onClose, children } = rest;
  const form = useId();
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{cancel}</Button>
          <Button tone={tone} type="submit" form={form} busy={isBusy} disabled={!isReady}>
            {submit}
          </Button>
        </>
      }
    >
      <form
        id={form}
        className={styles.form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) onSubmit();
        }}
      >
        {children}
        <Failure error={error} />
      </form>
    </Dialog>
  );
}
