// Colours of the heat map, from low to high: cividis, whose lightness rises evenly and which looks the same to people who
// do not tell red from green (J. Nuñez, C. Anderton, R. Renslow, "Optimizing colormaps with consideration for color vision
// deficiency", PLOS ONE, 2018). Both themes show the same colours, with the text that is readable on each.

const STOPS: readonly (readonly [number, number, number])[] = [
  [0, 34, 78],
  [33, 57, 110],
  [65, 77, 107],
  [93, 98, 111],
  [123, 123, 120],
  [154, 149, 119],
  [186, 175, 108],
  [220, 204, 88],
  [254, 232, 56],
];

export interface Colour {
  readonly ground: string;
  readonly text: string;
}

/** The colour of a place from 0, the lowest, to 1, the highest. */
export function colourAt(place: number): Colour {
  const at = Math.min(1, Math.max(0, place)) * (STOPS.length - 1);
  const below = STOPS[Math.min(STOPS.length - 2, Math.floor(at))]!;
  const above = STOPS[Math.min(STOPS.length - 2, Math.floor(at)) + 1]!;
  const part = at - Math.min(STOPS.length - 2, Math.floor(at));
  const mixed = below.map((low, channel) => Math.round(low + (above[channel]! - low) * part));
  const light = luminance(mixed);
  return {
    ground: `rgb(${mixed.join(" ")})`,
    text: contrast(light, 1) >= contrast(light, 0) ? "rgb(255 255 255)" : "rgb(0 0 0)",
  };
}

/** Relative luminance as in WCAG 2. */
function luminance(channels: readonly number[]): number {
  const [red, green, blue] = channels.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(one: number, other: number): number {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}
