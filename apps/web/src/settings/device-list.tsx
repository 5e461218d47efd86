/** The account's devices, with what can be done about each. */
import type { OwnDevice } from '@sotto/client';
import { useClient } from '@sotto/hooks';
import { Ellipsis, MonitorSmartphone, Pencil, ShieldAlert, Unlink } from 'lucide-react';
import { useCallback, useEffect, useState } from 'react';
import { Loading, Menu, type MenuItem, Row, Rows } from '../design/index.ts';
import { useLoaded } from '../shell/use-loaded.ts';
import { LostDeviceDialog, RenameDeviceDialog, UnlinkDeviceDialog } from './device-dialogs.tsx';
import { nameOfDevice } from './device-name.ts';

/** What is being done to a device. */
interface Chosen {
  readonly device: OwnDevice;
  readonly change: 'rename' | 'unlink' | 'lost';
}

/** The list, which follows what other devices do. */
export function DeviceList() {
  const client = useClient();
  const loaded = useLoaded(useCallback(() => client.devices(), [client]));
  const { reload } = loaded;
  useEffect(() => client.on('devices-changed', reload), [client, reload]);
  const [chosen, setChosen] = useState<Chosen>();
  const close = (isChanged: boolean) => {
    setChosen(undefined);
    if (isChanged) reload();
  };
  return (
    <>
      <Loading loaded={loaded} label="Fetching your devices">
        {(devices) => (
          <Rows label="Your devices">
            {devices.map((device) => (
              <DeviceRow
                key={device.device}
                device={device}
                onChoose={(change) => setChosen({ device, change })}
              />
            ))}
          </Rows>
        )}
      </Loading>
      {chosen !== undefined && <DeviceDialog {...chosen} onClose={close} />}
    </>
  );
}

interface DeviceRowProps {
  device: OwnDevice;
  onChoose: (change: Chosen['change']) => void;
}

function DeviceRow({ device, onChoose }: DeviceRowProps) {
  const rename: MenuItem = { label: 'Rename', icon: Pencil, onSelect: () => onChoose('rename') };
  const items: readonly MenuItem[] = device.current
    ? [rename]
    : [
        rename,
        { label: 'Unlink', icon: Unlink, onSelect: () => onChoose('unlink') },
        {
          label: 'Lost or stolen',
          icon: ShieldAlert,
          tone: 'danger',
          onSelect: () => onChoose('lost'),
        },
      ];
  const name = nameOfDevice(device);
  return (
    <Row
      icon={<MonitorSmartphone size={20} strokeWidth={1.75} aria-hidden />}
      title={<bdi>{name}</bdi>}
      detail={device.current ? 'This device' : `Last logged in ${dayOf(device.loggedInAt)}`}
      action={<Menu label={`Actions for ${name}`} icon={Ellipsis} items={items} />}
    />
  );
}

function DeviceDialog({ device, change, onClose }: Chosen & { onClose: (did: boolean) => void }) {
  switch (change) {
    case 'rename':
      return <RenameDeviceDialog device={device} onClose={onClose} />;
    case 'unlink':
      return <UnlinkDeviceDialog device={device} onClose={onClose} />;
    case 'lost':
      return <LostDeviceDialog device={device} onClose={onClose} />;
  }
}

function dayOf(time: string): string {
  return new Date(time).toLocaleDateString(undefined, { dateStyle: 'medium' });
}
