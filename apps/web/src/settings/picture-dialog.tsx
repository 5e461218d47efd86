/** Chooses the part of a picture that others see. The picture leaves the page only as the small square that comes of it. */
import { useClient } from '@sotto/hooks';
import { type PointerEvent, useEffect, useRef, useState } from 'react';
import { Failure, FormDialog, Spinner, useToast } from '../design/index.ts';
import { useTask } from '../shell/use-task.ts';
import { type Crop, drawCrop, encodeCrop, MIDDLE, ZOOM_MAX } from './crop.ts';
import styles from './picture-dialog.module.css';

export interface PictureDialogProps {
  file: File;
  onClose: () => void;
}

/** The dialog. The square is moved by dragging, and by sliders for those who do not drag. */
export function PictureDialog({ file, onClose }: PictureDialogProps) {
  const client = useClient();
  const toast = useToast();
  const task = useTask();
  const { picture, isUnreadable } = useBitmap(file);
  const [crop, setCrop] = useState(MIDDLE);
  const save = async () => {
    if (picture === undefined) return;
    const isSaved = await task.run(async () => {
      const bytes = await encodeCrop(picture, crop);
      await client.people.setProfile({ picture: { type: 'image/jpeg', bytes } });
    });
    if (!isSaved) return;
    toast('Your picture is saved');
    onClose();
  };
  return (
    <FormDialog
      title="Your picture"
      submit="Use picture"
      isBusy={task.isBusy}
      isReady={picture !== undefined}
      error={task.error}
      onSubmit={() => void save()}
      onClose={onClose}
    >
      {isUnreadable && <Failure error="This browser cannot read that file as a picture." />}
      {picture === undefined && !isUnreadable && <Spinner label="Reading the picture" />}
      {picture !== undefined && <Cropper picture={picture} crop={crop} onChange={setCrop} />}
    </FormDialog>
  );
}

interface CropperProps {
  picture: ImageBitmap;
  crop: Crop;
  onChange: (crop: Crop) => void;
}

const PREVIEW_SIDE = 480;

function Cropper({ picture, crop, onChange }: CropperProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (canvas.current !== null) drawCrop(canvas.current, picture, crop);
  }, [picture, crop]);
  const drag = (event: PointerEvent<HTMLCanvasElement>) => {
    if (event.buttons === 0) return;
    const { width } = event.currentTarget.getBoundingClientRect();
    const shown = Math.min(picture.width, picture.height) / crop.zoom / width;
    onChange({
      ...crop,
      across: moved(crop.across, event.movementX * shown, picture.width - shown * width),
      down: moved(crop.down, event.movementY * shown, picture.height - shown * width),
    });
  };
  return (
    <>
      <canvas
        ref={canvas}
        className={styles.preview}
        width={PREVIEW_SIDE}
        height={PREVIEW_SIDE}
        aria-label="What others will see"
        role="img"
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={drag}
      />
      <Slider
        label="Zoom"
        value={crop.zoom}
        range={[1, ZOOM_MAX]}
        onChange={(zoom) => onChange({ ...crop, zoom })}
      />
      <Slider
        label="Left to right"
        value={crop.across}
        range={[0, 1]}
        onChange={(across) => onChange({ ...crop, across })}
      />
      <Slider
        label="Up and down"
        value={crop.down}
        range={[0, 1]}
        onChange={(down) => onChange({ ...crop, down })}
      />
    </>
  );
}

/** Pulling the picture to one side moves the square to the other. */
function moved(part: number, pixels: number, room: number): number {
  return room <= 0 ? part : Math.min(1, Math.max(0, part - pixels / room));
}

interface SliderProps {
  label: string;
  value: number;
  range: readonly [number, number];
  onChange: (value: number) => void;
}

function Slider({ label, value, range: [min, max], onChange }: SliderProps) {
  return (
    <label className={styles.slider}>
      <span>{label}</span>
      <input
        type="range"
        min={min}
        max={max}
        step="any"
        value={value}
        onChange={({ target }) => onChange(target.valueAsNumber)}
        onKeyDown={(event) => {
          const step = STEPS[event.key];
          if (step === undefined) return;
          event.preventDefault();
          onChange(Math.min(max, Math.max(min, value + (step * (max - min)) / KEY_STEPS)));
        }}
      />
    </label>
  );
}

/** A browser moves a slider without steps by too little for each key. */
const KEY_STEPS = 20;
const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
};

function useBitmap(file: File): { picture?: ImageBitmap; isUnreadable: boolean } {
  const [state, setState] = useState<{ picture?: ImageBitmap; isUnreadable: boolean }>({
    isUnreadable: false,
  });
  useEffect(() => {
    let isCurrent = true;
    createImageBitmap(file).then(
      (picture) => (isCurrent ? setState({ picture, isUnreadable: false }) : picture.close()),
      () => isCurrent && setState({ isUnreadable: true }),
    );
    return () => {
      isCurrent = false;
    };
  }, [file]);
  return state;
}
