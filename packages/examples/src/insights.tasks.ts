/** A frame of a film; how long it takes to render depends on what is in it. */
export interface Frame {
  readonly name: string
  readonly millis: number
}

/** Renders a frame: computes for as long as that takes. */
export const render = ({ millis, name }: Frame): string => {
  const end = performance.now() + millis
  while (performance.now() < end);
  return `${name}.png`
}
