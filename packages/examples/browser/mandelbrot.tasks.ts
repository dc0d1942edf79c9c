export interface Row {
  readonly y: number
  readonly width: number
  readonly height: number
}

const most = 1000

/** How many steps the point of each pixel in a row takes to leave the Mandelbrot set, at most 1,000. */
export const steps = ({ height, width, y }: Row): Uint16Array =>
  Uint16Array.from({ length: width }, (_, x) => {
    const [real, imaginary] = [(x / width) * 3 - 2.2, (y / height) * 2 - 1]
    let [a, b, n] = [0, 0, 0]
    for (; n < most && a * a + b * b < 4; n++) [a, b] = [a * a - b * b + real, 2 * a * b + imaginary]
    return n
  })
