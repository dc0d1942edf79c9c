/** Reads the size of an image, by code that a broken one brings down, as native code now and then does. */
export const sizeOf = (image: Uint8Array): { readonly width: number; readonly height: number } => {
  const [width = 0, height = 0] = image
  if (width === 0) process.kill(process.pid, "SIGSEGV")
  return { width, height }
}
