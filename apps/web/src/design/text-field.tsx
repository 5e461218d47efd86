/** A line or a box to write in, with its name, a hint and what is wrong with what was written. */
import { type ComponentProps, type ReactNode, useId } from 'react';
import { classes } from './classes.ts';
import styles from './text-field.module.css';

interface FieldWords {
  label: string;
  /** Below the field, until there is an error. */
  hint?: string | undefined;
  error?: string | undefined;
  /** A button at the end of the line. */
  end?: ReactNode;
}

type LineProps = FieldWords & { multiline?: false } & ComponentProps<'input'>;
type BoxProps = FieldWords & { multiline: true } & ComponentProps<'textarea'>;

export type TextFieldProps = LineProps | BoxProps;

/** A text field. Everything an `input` or, with `multiline`, a `textarea` takes is passed on to it. */
export function TextField(props: TextFieldProps) {
  const id = useId();
  const { label, hint, error } = props;
  const says = error ?? hint;
  const marks = {
    id: props.id ?? id,
    'aria-invalid': error !== undefined || undefined,
    'aria-describedby': says === undefined ? undefined : `${id}-says`,
  };
  return (
    <div className={styles.field}>
      <label className={styles.label} htmlFor={marks.id}>
        {label}
      </label>
      <div className={classes(styles.line, props.end !== undefined && styles.withEnd)}>
        {props.multiline ? <Box {...props} {...marks} /> : <Line {...props} {...marks} />}
        {props.end}
      </div>
      {says !== undefined && (
        <p
          id={`${id}-says`}
          className={error === undefined ? styles.hint : styles.error}
          role={error === undefined ? undefined : 'alert'}
        >
          {says}
        </p>
      )}
    </div>
  );
}

function Line(props: LineProps) {
  const { label: _l, hint: _h, error: _e, end: _n, multiline: _m, ...others } = props;
  return <input {...others} className={classes(styles.input, others.className)} />;
}

function Box(props: BoxProps) {
  const { label: _l, hint: _h, error: _e, end: _n, multiline: _m, ...others } = props;
  return <textarea rows={3} {...others} className={classes(styles.input, others.className)} />;
}
