/** A password, hidden until its owner wants to see it. */
import { Eye, EyeOff } from 'lucide-react';
import { useState } from 'react';
import { IconButton, TextField } from '../design/index.ts';

export interface PasswordFieldProps {
  label: string;
  /** For password managers: whether it is one that exists. */
  kind: 'current' | 'new';
  value: string;
  onChange: (value: string) => void;
  hint?: string | undefined;
  error?: string | undefined;
  autoFocus?: boolean;
}

/** A field for a password. */
export function PasswordField({ kind, onChange, ...others }: PasswordFieldProps) {
  const [isShown, setShown] = useState(false);
  return (
    <TextField
      {...others}
      type={isShown ? 'text' : 'password'}
      name="password"
      autoComplete={`${kind}-password`}
      autoCapitalize="none"
      spellCheck={false}
      required
      onChange={(event) => onChange(event.target.value)}
      end={
        <IconButton
          label={isShown ? 'Hide password' : 'Show password'}
          icon={isShown ? EyeOff : Eye}
          onClick={() => setShown(!isShown)}
        />
      }
    />
  );
}
