/** A macrotask, as soon as the platform can: messages that have arrived come first. */
export const defer: (f: () => void) => void =
  (globalThis as { readonly setImmediate?: (f: () => void) => void }).setImmediate ?? ((f) => setTimeout(f, 0))
