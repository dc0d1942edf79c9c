/** Reads what is users' own: where it throws, as a getter, a trap or a revoked Proxy does, it is `otherwise` (F8). */
export const attempt = <A>(read: () => A, otherwise: A): A => {
  try {
    return read()
  } catch {
    return otherwise
  }
}
