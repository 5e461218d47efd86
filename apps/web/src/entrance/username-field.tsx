/** A username, as password managers and phones like to be told of it. */
import { TextField } from '../design/index.ts';

export interface UsernameFieldProps {
  value: string;
  onChange: (value: string) => void;
  hint?: string | undefined;
  error?: string | undefined;
  autoFocus?: boolean;
  /** It is known whose account this is. */
  readOnly?: boolean;
}

/** A field for a username. */
export function UsernameField({ onChange, ...others }: UsernameFieldProps) {
  return (
    <TextField
      {...others}
      label="Username"
      name="username"
      autoComplete="username"
      autoCapitalize="none"
      autoCorrect="off"
      spellCheck={false}
      required
      onChange={(event) => onChange(event.target.value.trim())}
    />
  );
}
