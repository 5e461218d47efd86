/** All steps of the schema `auth`, in their order. */
import type { Migrations } from '@sotto/runtime';
import { init } from './0001-init.ts';
import { audit } from './0002-audit.ts';
import { accounts } from './0003-accounts.ts';
import { deviceKeys } from './0010-device-keys.ts';
import { needsPassword } from './0020-needs-password.ts';
import { auditCommand } from './0021-audit-command.ts';
import { forgettableDevices } from './0022-forgettable-devices.ts';
import { passwordTimes } from './0023-password-times.ts';

export const migrations: Migrations = {
  '0001-init': init,
  '0002-audit': audit,
  '0003-accounts': accounts,
  '0010-device-keys': deviceKeys,
  '0020-needs-password': needsPassword,
  '0021-audit-command': auditCommand,
  '0022-forgettable-devices': forgettableDevices,
  '0023-password-times': passwordTimes,
};
