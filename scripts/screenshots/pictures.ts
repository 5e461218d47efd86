/** Pictures for the screenshots, drawn by the browser itself: small landscapes, so that nobody's face or work is used. */
import type { Browser } from 'playwright-core';

/** Colours of a landscape, from the sky's top to the nearest hill. */
export interface Landscape {
  readonly sky: readonly [string, string];
  readonly sun: {
    readonly colour: string;
    readonly x: number;
    readonly y: number;
    readonly r: number;
  };
  readonly hills: readonly string[];
}

export const LANDSCAPES = {
  dawn: {
    sky: ['#6b84a8', '#f6cfa6'],
    sun: { colour: '#fff1d6', x: 0.68, y: 0.5, r: 0.07 },
    hills: ['#b7a3ad', '#8c8196', '#5f6a7d', '#3d5560', '#26403f'],
  },
  meadow: {
    sky: ['#a9d3dd', '#eef3da'],
    sun: { colour: '#fff8df', x: 0.3, y: 0.3, r: 0.13 },
    hills: ['#9fbf9a', '#6f9f72', '#3f7353'],
  },
  dusk: {
    sky: ['#2e3358', '#d97b66'],
    sun: { colour: '#ffd9a0', x: 0.5, y: 0.55, r: 0.16 },
    hills: ['#5b3d5e', '#3b2b4b', '#251e38'],
  },
  sea: {
    sky: ['#7fb6c9', '#f3e3c3'],
    sun: { colour: '#fff5da', x: 0.62, y: 0.36, r: 0.12 },
    hills: ['#5f9fb0', '#3c7d93', '#235a70'],
  },
  sand: {
    sky: ['#f3d9a8', '#f8efdc'],
    sun: { colour: '#e58f5a', x: 0.4, y: 0.4, r: 0.17 },
    hills: ['#d9a066', '#b97b4c', '#8a5637'],
  },
} as const satisfies Record<string, Landscape>;

/** A JPEG of this size. */
export async function paint(
  browser: Browser,
  landscape: Landscape,
  { width, height }: { readonly width: number; readonly height: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const page = await browser.newPage();
  try {
    const encoded = await page.evaluate(draw, { landscape, width, height });
    return new Uint8Array(Buffer.from(encoded.split(',')[1] ?? '', 'base64'));
  } finally {
    await page.close();
  }
}

interface Drawing {
  readonly landscape: Landscape;
  readonly width: number;
  readonly height: number;
}

/** Runs in the browser, so it stands by itself. */
function draw({ landscape: { sky, sun, hills }, width, height }: Drawing): string {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('the browser does not draw');
  const air = context.createLinearGradient(0, 0, 0, height * 0.75);
  air.addColorStop(0, sky[0]);
  air.addColorStop(1, sky[1]);
  context.fillStyle = air;
  context.fillRect(0, 0, width, height);
  const side = Math.min(width, height);
  const glow = context.createRadialGradient(
    ...([sun.x * width, sun.y * height, 0] as const),
    ...([sun.x * width, sun.y * height, sun.r * side * 4] as const),
  );
  glow.addColorStop(0, `${sun.colour}cc`);
  glow.addColorStop(1, `${sun.colour}00`);
  context.fillStyle = glow;
  context.fillRect(0, 0, width, height);
  context.fillStyle = sun.colour;
  context.beginPath();
  context.arc(sun.x * width, sun.y * height, sun.r * side, 0, 2 * Math.PI);
  context.fill();
  hills.forEach((colour, at) => {
    const top = height * (0.5 + (0.42 * at) / hills.length);
    const swing = height * (0.1 - 0.012 * at);
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(0, height);
    for (let x = 0; x <= width; x += 2) {
      const part = x / width;
      const wave =
        Math.sin(part * (3 + at) * 2 + at * 1.9) * 0.6 +
        Math.sin(part * (9 + 2 * at) + at * 4) * 0.25;
      context.lineTo(x, top + wave * swing);
    }
    context.lineTo(width, height);
    context.fill();
  });
  return canvas.toDataURL('image/jpeg', 0.88);
}
