export const checkPrime = (n: number): { readonly n: number; readonly isPrime: boolean } => {
  for (let divisor = 2; divisor * divisor <= n; divisor++) {
    if (n % divisor === 0) return { n, isPrime: false }
  }
  return { n, isPrime: true }
}
